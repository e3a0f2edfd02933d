//! Samples that are walked together come to the bits of samples that are walked one by one, and circuits
//! that cannot do that have one lane.

use chainrule::{
    Circuit, Gate, LANES, Layout, Method, Op, Optimiser, PlanError, Purpose, Random, RunError, Scalar, Shape, Slot,
    Tape, Training, Wire, plan, plan_lanes, plan_within,
};
use chainrule_tests::run::Number;

/// Layers of one size each, behind a scaled input; classes, or numbers to come close to.
#[derive(Clone, Debug)]
struct Network {
    scaled: bool,
    sizes: Vec<u16>,
    activations: Vec<u32>,
    biased: Vec<bool>,
    frozen: Vec<bool>,
    classes: bool,
}

/// The circuit, its input, its target and its params.
type Built<T> = (Circuit<T, 64, 64, 32>, Wire, Wire, Vec<Wire>);

impl Network {
    fn random(random: &mut Random) -> Network {
        let layers = 1 + random.below(3) as usize;
        let mut many = |below: u32| (0..layers).map(|_| random.below(below)).collect::<Vec<_>>();
        let mut sizes: Vec<u16> = many(21).iter().map(|size| 1 + *size as u16).collect();
        let (activations, biased, frozen) = (many(4), many(4), many(6));
        sizes.insert(0, 1 + random.below(9) as u16);
        let classes = random.below(2) == 0 && sizes[layers] > 1;
        let mut frozen: Vec<bool> = frozen.iter().map(|&n| n == 0).collect();
        frozen[layers - 1] = false;
        let biased = biased.iter().map(|&n| n > 0).collect();
        Network { scaled: random.below(2) == 0, sizes, activations, biased, frozen, classes }
    }

    fn build<T: Scalar>(&self) -> Built<T> {
        let mut c = Circuit::new();
        let x = c.input(Shape::vector(self.sizes[0])).unwrap();
        let last = self.sizes[self.sizes.len() - 1];
        let target = if self.classes { c.label(last) } else { c.input(Shape::vector(last)) }.unwrap();
        let (mut h, mut params) = (x, Vec::new());
        if self.scaled {
            let scale = c.constant(Shape::SCALAR, &[T::from_f64(3.0)]).unwrap();
            h = c.div(h, scale).unwrap();
        }
        for (k, sides) in self.sizes.windows(2).enumerate() {
            let &[inputs, outputs] = sides else { unreachable!() };
            let mut param = |shape, frozen: bool| {
                let wire = if frozen { c.frozen_param(shape) } else { c.param(shape) }.unwrap();
                params.push(wire);
                wire
            };
            let w = param(Shape::matrix(inputs, outputs), self.frozen[k]);
            let b = self.biased[k].then(|| param(Shape::vector(outputs), self.frozen[k]));
            h = match b {
                Some(b) => c.dense(h, w, b).unwrap(),
                None => without_bias(&mut c, h, w, Shape::vector(outputs)),
            };
            h = match self.activations[k] {
                0 => c.relu(h).unwrap(),
                1 => c.sigmoid(h).unwrap(),
                2 => c.tanh(h).unwrap(),
                _ => h,
            };
        }
        let loss = if self.classes { c.cross_entropy(h, target) } else { c.mse(h, target) }.unwrap();
        c.minimize(loss).unwrap();
        (c, x, target, params)
    }
}

/// A dense gate without a bias, as its record says it.
fn without_bias<T: Scalar>(c: &mut Circuit<T, 64, 64, 32>, x: Wire, w: Wire, shape: Shape) -> Wire {
    c.push_shape(shape).unwrap();
    let [x, w] = [x, w].map(|wire| (wire.index() as u16).to_le_bytes());
    let record = |shape| Gate::from_bytes([Op::Dense.code(), shape, x[0], x[1], w[0], w[1], 255, 255]).unwrap();
    (0..255).find_map(|shape| c.push_record(record(shape)).ok()).unwrap()
}

struct Trained {
    params: Vec<u64>,
    moments: Vec<u64>,
    objectives: Vec<u64>,
    sum: u64,
    right: u32,
    steps: u32,
}

fn bits<T: Number>(values: &[T]) -> impl Iterator<Item = u64> {
    values.iter().map(|value| value.to_bits())
}

/// Trains on 23 samples with a batch that does not divide them, so many of them together as there is room
/// for, and ends the last batch.
fn train<T: Number>(network: &Network, method: Method<T>, batch: u32, lanes: u32, seed: u64) -> (Trained, Layout) {
    let (circuit, x, target, params) = network.build::<T>();
    let mut random = Random::new(seed);
    let mut number = || random.uniform::<T>() * T::TWO - T::ONE;
    let view = circuit.view();
    let mut training = Training::new(Optimiser::new(method, T::from_f64(0.1)), batch);
    let mut slots = vec![Slot::EMPTY; view.len()];
    let layout = plan_lanes(&view, training.purpose(), false, lanes, &mut slots).unwrap();
    let mut arena = vec![T::ZERO; layout.arena_len()];
    let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).unwrap();
    let mut numbers = |wire: Wire| (0..view.shape(wire).len()).map(|_| number()).collect::<Vec<T>>();
    for &wire in &params {
        tape.set(wire, &numbers(wire)).unwrap();
    }
    let samples: Vec<[Vec<T>; 2]> = (0..23)
        .map(|row| {
            let (mut image, mut wanted) = (numbers(x), numbers(target));
            image.iter_mut().step_by(3).for_each(|x| *x = T::ZERO);
            if network.classes {
                wanted = vec![T::from_u32(row * 7 % u32::from(network.sizes[network.sizes.len() - 1]))];
            }
            [image, wanted]
        })
        .collect();
    let (mut at, mut objectives, mut right) = (0, Vec::new(), 0);
    while at < samples.len() {
        let together = training.room(&tape).min(samples.len() - at);
        for (lane, [image, wanted]) in samples[at..at + together].iter().enumerate() {
            tape.set_in_lane(lane, x, 0, image).unwrap();
            tape.set_in_lane(lane, target, 0, wanted).unwrap();
        }
        right += training.samples(&mut tape, together).unwrap();
        objectives.extend((0..together).map(|lane| tape.objective_in_lane(lane).unwrap().to_bits()));
        at += together;
    }
    training.end_batch(&mut tape).unwrap();
    assert_eq!((training.running().samples, training.running().correct), (23, right));
    let trained = Trained {
        params: params.iter().flat_map(|&wire| bits(tape.value(wire).unwrap()).collect::<Vec<_>>()).collect(),
        moments: bits(tape.moments()).collect(),
        objectives,
        sum: training.running().sum.to_bits(),
        right,
        steps: training.steps(),
    };
    (trained, layout)
}

fn lanes_change_no_bit<T: Number>(networks: u64) {
    let mut random = Random::new(11);
    let number = T::from_f64;
    for seed in 0..networks {
        let network = Network::random(&mut random);
        let method = match random.below(3) {
            0 => Method::Sgd,
            1 => Method::Momentum { beta: number(0.9) },
            _ => Method::Adam { beta1: number(0.9), beta2: number(0.999), eps: number(1e-8) },
        };
        let batch = 2 + random.below(6);
        let (one, single) = train(&network, method, batch, 1, seed);
        assert_eq!(single.lanes(), 1);
        for lanes in 2..=LANES {
            let (together, layout) = train(&network, method, batch, lanes, seed);
            let what = format!("{network:?}, {method:?}, batch {batch}, {lanes} lanes");
            assert_eq!(layout.lanes(), lanes as usize, "{what}");
            assert_eq!(together.objectives, one.objectives, "{what}");
            assert_eq!(together.params, one.params, "{what}");
            assert_eq!(together.moments, one.moments, "{what}");
            assert_eq!((together.sum, together.right, together.steps), (one.sum, one.right, one.steps), "{what}");
        }
    }
}

#[test]
fn lanes_change_no_bit_in_f32() {
    lanes_change_no_bit::<f32>(300);
}

#[test]
fn lanes_change_no_bit_in_f64() {
    lanes_change_no_bit::<f64>(150);
}

/// The lanes that a plan for batches gives to a small network, changed by `change`.
fn lanes_of(purpose: Purpose, change: impl FnOnce(&mut Circuit<f32, 16>, Wire, Wire, Wire) -> Wire) -> usize {
    let mut c: Circuit<f32, 16> = Circuit::new();
    let (x, target) = (c.input(Shape::vector(2)).unwrap(), c.input(Shape::vector(2)).unwrap());
    let (w, b) = (c.param(Shape::matrix(2, 2)).unwrap(), c.param(Shape::vector(2)).unwrap());
    let y = change(&mut c, x, w, b);
    let loss = c.mse(y, target).unwrap();
    c.minimize(loss).unwrap();
    let mut slots = [Slot::EMPTY; 16];
    plan_lanes(&c.view(), purpose, false, LANES, &mut slots).unwrap().lanes()
}

#[test]
fn what_lanes_would_not_do_as_one_by_one_has_one() {
    let sums = Purpose::Accumulate;
    let plain = |c: &mut Circuit<f32, 16>, x, w, b| c.dense(x, w, b).unwrap();
    assert_eq!(lanes_of(sums, plain), LANES as usize);
    assert_eq!(lanes_of(Purpose::Moments(2), plain), LANES as usize);
    for purpose in [Purpose::Train, Purpose::Inspect, Purpose::Infer] {
        assert_eq!(lanes_of(purpose, plain), 1, "{purpose:?}");
    }
    let twice = lanes_of(sums, |c, x, w, b| {
        let h = c.dense(x, w, b).unwrap();
        c.dense(h, w, b).unwrap()
    });
    assert_eq!(twice, 1, "a param that two gates read adds up in another order");
    let left_out = lanes_of(sums, |c, x, w, b| {
        let h = c.dense(x, w, b).unwrap();
        c.dropout(h, 0.5).unwrap()
    });
    assert_eq!(left_out, 1, "dropout draws sample by sample");
    let read_twice = lanes_of(sums, |c, x, w, b| {
        let h = c.dense(x, w, b).unwrap();
        let s = c.tanh(h).unwrap();
        c.mul(s, h).unwrap()
    });
    assert_eq!(read_twice, 1);
    let of_a_param = lanes_of(sums, |c, _, w, b| c.dense(b, w, b).unwrap());
    assert_eq!(of_a_param, 1, "a param as input has no lanes");
}

#[test]
fn a_network_that_is_all_frozen_has_one_lane() {
    let mut network = Network::random(&mut Random::new(5));
    for (frozen, lanes) in [(false, LANES as usize), (true, 1)] {
        network.frozen.fill(frozen);
        let (circuit, ..) = network.build::<f32>();
        let layout = plan_lanes(&circuit.view(), Purpose::Accumulate, false, LANES, &mut [Slot::EMPTY; 64]).unwrap();
        assert_eq!(layout.lanes(), lanes, "all frozen: {frozen}");
    }
}

/// A session takes lanes where its arena has room for them.
#[test]
fn a_plan_fits_the_room_that_it_is_given() {
    let network = Network {
        scaled: false,
        sizes: vec![2, 3, 1],
        activations: vec![1, 1],
        biased: vec![true; 2],
        frozen: vec![false; 2],
        classes: false,
    };
    let (circuit, ..) = network.build::<f32>();
    let (view, mut slots) = (circuit.view(), [Slot::EMPTY; 64]);
    let least = plan(&view, Purpose::Accumulate, false, &mut slots).unwrap();
    let most = plan_lanes(&view, Purpose::Accumulate, false, LANES, &mut slots).unwrap();
    assert!(most.arena_len() > least.arena_len());
    let mut within = |room| plan_within(&view, Purpose::Accumulate, false, room, &mut slots).unwrap();
    assert_eq!(within(most.arena_len()), most);
    assert_eq!(within(most.arena_len() - 1), least);
    assert_eq!(within(0), least, "what is needed at least is told");
    assert_eq!(plan_within(&view, Purpose::Accumulate, false, 99, &mut []), Err(PlanError::SlotsFull(view.len())));
}

#[test]
fn a_lane_that_is_not_there_is_refused() {
    let network = Network::random(&mut Random::new(3));
    let (circuit, x, ..) = network.build::<f32>();
    let (view, mut slots) = (circuit.view(), [Slot::EMPTY; 64]);
    let mut training = Training::new(Optimiser::new(Method::Sgd, 0.1), 3);
    let layout = plan_lanes(&view, training.purpose(), false, 2, &mut slots).unwrap();
    let mut arena = vec![0.0; layout.arena_len()];
    let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).unwrap();
    let image = vec![0.5; view.shape(x).len()];
    assert_eq!(tape.set_in_lane(1, x, 0, &image), Ok(()));
    assert_eq!(tape.set_in_lane(2, x, 0, &image), Err(RunError::NotPlanned));
    assert_eq!(tape.objective_in_lane(2), Err(RunError::NotPlanned));
    assert_eq!(training.samples(&mut tape, 3), Err(RunError::NotPlanned));
    assert_eq!(training.samples(&mut tape, 0), Err(RunError::NotPlanned));
    assert_eq!(training.room(&tape), 2);
    training.samples(&mut tape, 2).unwrap();
    assert_eq!(training.room(&tape), 1, "one is left of the batch");
}

/// Where the step is refused, the samples before the last one count, as they would one by one.
#[test]
fn a_refused_step_counts_as_one_by_one() {
    let network = Network {
        scaled: false,
        sizes: vec![1, 1],
        activations: vec![3],
        biased: vec![true],
        frozen: vec![false],
        classes: false,
    };
    let run = |lanes| {
        let (circuit, x, target, params) = network.build::<f32>();
        let (view, mut slots) = (circuit.view(), [Slot::EMPTY; 64]);
        let mut training = Training::new(Optimiser::new(Method::Sgd, 1e30), 2);
        let layout = plan_lanes(&view, training.purpose(), false, lanes, &mut slots).unwrap();
        let mut arena = vec![0.0; layout.arena_len()];
        let mut tape = Tape::new(view, layout, &slots, &[], &mut arena).unwrap();
        tape.set(params[0], &[2.0]).unwrap();
        let mut at = 0;
        let mut ended = Ok(0);
        while at < 2 {
            let together = training.room(&tape);
            for lane in 0..together {
                tape.set_in_lane(lane, x, 0, &[1e9]).unwrap();
                tape.set_in_lane(lane, target, 0, &[0.0]).unwrap();
            }
            ended = training.samples(&mut tape, together);
            at += together;
        }
        (ended, training.running(), training.steps(), tape.value(params[0]).unwrap().to_vec())
    };
    let (one, together) = (run(1), run(2));
    assert!(matches!(one.0, Err(RunError::NotFinite(_))), "{:?}", one.0);
    assert_eq!(one, together);
    assert_eq!((one.1.samples, one.3), (1, vec![2.0]));
}
