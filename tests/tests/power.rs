//! The power goes at every operation of a save, and again at every operation of the save after it:
//! what is found afterwards is the old or the new state, whole.

use std::cell::Cell;

use chainrule::keep::{KeepError, Keeper};
use chainrule::{Circuit, CircuitRef, Op, Purpose, Slot, Tape, plan};
use chainrule_tests::corpus;
use chainrule_tests::flash::{Cut, Flash};
use chainrule_tests::run::lowered;
use embedded_storage::nor_flash::ReadNorFlash;

/// What a board knows: its params' bits, the steps, and bytes of its own.
#[derive(Clone, PartialEq, Eq, Debug)]
struct State {
    params: Vec<u32>,
    steps: u32,
    own: Vec<u8>,
}

/// Everything but the state: the circuit and its plan.
struct Board {
    circuit: Circuit<f32, 64, 16, 16, 16>,
    slots: Vec<Slot>,
    purpose: Purpose,
}

impl Board {
    fn new(name: &str, purpose: Purpose) -> Board {
        let entry = corpus::read().unwrap().into_iter().find(|entry| entry.name == name).unwrap();
        let lowered = lowered::<f32>(&entry).unwrap();
        let view = lowered.view();
        let mut circuit = Circuit::new();
        view.shapes().iter().for_each(|&shape| circuit.push_shape(shape).unwrap());
        circuit.push_numbers(view.numbers()).unwrap();
        circuit.push_attrs(view.attrs()).unwrap();
        view.gates().iter().for_each(|&gate| assert!(circuit.push_record(gate).is_ok()));
        let goal = circuit.view().wire(view.objective().unwrap().wire().index()).unwrap();
        circuit.minimize(goal).unwrap();
        Board { circuit, slots: vec![Slot::EMPTY; view.len()], purpose }
    }

    /// A state that `number` alone decides, so that no two have a param in common.
    fn state(&self, number: u32) -> State {
        let circuit = self.circuit.view();
        let count: usize = params(&circuit).map(|wire| circuit.shape(wire).len()).sum();
        let param = |i: usize| (number as f32 + i as f32 / 4096.0).to_bits();
        let own = number.to_le_bytes().repeat(1 + number as usize % 3);
        State { params: (0..count).map(param).collect(), steps: number * 100, own }
    }

    fn with_tape<R>(&mut self, run: impl FnOnce(&mut Tape<'_, f32>) -> R) -> R {
        let view = self.circuit.view();
        let layout = plan(&view, self.purpose, false, &mut self.slots).unwrap();
        let mut arena = vec![0.0; layout.arena_len()];
        run(&mut Tape::new(view, layout, &self.slots, &[], &mut arena).unwrap())
    }

    fn save<const R: usize, const W: usize, const E: usize>(
        &mut self,
        flash: &mut Flash<R, W, E>,
        state: &State,
    ) -> Result<u32, KeepError> {
        let range = range(flash);
        self.with_tape(|tape| {
            let circuit = tape.circuit();
            let mut rest = state.params.as_slice();
            for wire in params(&circuit) {
                let (own, others) = rest.split_at(circuit.shape(wire).len());
                tape.set(wire, &own.iter().map(|&bits| f32::from_bits(bits)).collect::<Vec<_>>()).unwrap();
                rest = others;
            }
            let between = Cell::new(0);
            let mut keeper = Keeper::new(&mut *flash, range)?;
            let had = keeper.newest();
            let saved = keeper.save(tape, state.steps, &state.own, &mut || between.set(between.get() + 1));
            assert!(saved.is_err() || between.get() > 3, "the watchdog is not fed");
            if saved.is_err() {
                assert_eq!(keeper.newest(), had, "a refused save changed what is kept");
            }
            saved.map(|kept| kept.wear)
        })
    }

    /// What a board finds after a reset.
    fn found<const R: usize, const W: usize, const E: usize>(&self, flash: &mut Flash<R, W, E>) -> Option<State> {
        flash.power_on();
        let range = range(flash);
        let mut keeper = Keeper::new(&mut *flash, range).unwrap();
        let kept = keeper.newest()?;
        let mut own = [0; 32];
        let len = keeper.load_own::<f32>(&mut own).unwrap();
        let mut circuit: Circuit<f32, 64, 16, 16, 16> = Circuit::new();
        let purpose = keeper.load_circuit(&mut circuit).unwrap();
        let mut slots = vec![Slot::EMPTY; circuit.view().len()];
        let layout = plan(&circuit.view(), purpose, false, &mut slots).unwrap();
        let mut arena = vec![0.0; layout.arena_len()];
        let mut tape = Tape::new(circuit.view(), layout, &slots, &[], &mut arena).unwrap();
        let steps = keeper.load(&mut tape).unwrap();
        assert_eq!(steps, kept.steps);
        let view = circuit.view();
        let values = params(&view).flat_map(|wire| tape.value(wire).unwrap().to_vec());
        let state = State { params: values.map(f32::to_bits).collect(), steps, own: own[..len].to_vec() };
        assert_eq!(flash.operations, 0, "finding a state wrote to the flash");
        Some(state)
    }
}

fn params<'a>(circuit: &'a CircuitRef<'_, f32>) -> impl Iterator<Item = chainrule::Wire> + 'a {
    circuit.wires().filter(|wire| circuit.gate(*wire).is_some_and(|gate| gate.op() == Op::Param))
}

/// The keeper's part: all but the first sector.
fn range<const R: usize, const W: usize, const E: usize>(flash: &Flash<R, W, E>) -> std::ops::Range<u32> {
    E as u32..flash.capacity() as u32
}

/// Cuts a save of `board` at operations `first`, `first + step`, … in all ways; after each, `then`
/// goes on with what the flash holds. How many cuts were tried.
fn cut<const R: usize, const W: usize, const E: usize>(
    board: &mut Board,
    flash: &Flash<R, W, E>,
    new: &State,
    step: usize,
    then: &mut dyn FnMut(&mut Board, Flash<R, W, E>, &State),
) -> usize {
    let old = board.found(&mut flash.clone());
    let (mut tried, mut seen) = (0, [0; 2]);
    for operation in (0..).step_by(step) {
        for how in Cut::ALL {
            let mut flash = flash.clone();
            flash.cut_at(operation, how);
            let saved = board.save(&mut flash, new);
            if operation >= flash.operations {
                assert!(saved.is_ok() && tried > 0);
                assert!(step > 1 || seen.iter().all(|&count| count > 0), "one of the two states was never found");
                return tried;
            }
            tried += 1;
            let found = board.found(&mut flash);
            assert_eq!(found, board.found(&mut flash), "found differently a second time");
            let is_new = found.as_ref() == Some(new);
            assert!(is_new || found == old, "{how:?} at operation {operation}: neither old nor new but {found:?}");
            assert!(is_new || saved.is_err(), "told to be saved, and is not");
            seen[usize::from(is_new)] += 1;
            if let Some(found) = &found {
                then(board, flash, found);
            }
        }
    }
    unreachable!()
}

/// All cuts of the first save, of a save over an older state, and of the save after each of those.
fn all_cuts<const R: usize, const W: usize, const E: usize>(name: &str, checked: bool, step: usize) {
    let mut board = Board::new("xor", Purpose::Train);
    let mut flash: Flash<R, W, E> = Flash::new(1 + 2 * 448usize.div_ceil(E), checked);
    let before = first_sector(&mut flash);
    let states: Vec<State> = (1..6).map(|number| board.state(number)).collect();
    let first = cut(&mut board, &flash, &states[0], 1, &mut |_, _, _| ());
    // Both slots have held something.
    for state in &states[..3] {
        board.save(&mut flash, state).unwrap();
        assert_eq!(board.found(&mut flash).as_ref(), Some(state));
    }
    let mut again = 0;
    let once = cut(&mut board, &flash, &states[3], 1, &mut |board, flash, _| {
        again += cut(board, &flash, &states[4], step, &mut |_, _, _| ());
        let mut flash = flash;
        board.save(&mut flash, &states[4]).unwrap();
        assert_eq!(board.found(&mut flash).as_ref(), Some(&states[4]), "it does not go on");
    });
    assert_eq!(first_sector(&mut flash), before, "written outside its range");
    println!("{name} (write {W}, erase {E}): cut {first} + {once} + {again} times; old or new, whole, each time");
}

fn first_sector<const R: usize, const W: usize, const E: usize>(flash: &mut Flash<R, W, E>) -> Vec<u8> {
    let mut bytes = vec![0; E / R * R];
    flash.power_on();
    flash.read(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn an_stm32l4_with_its_check_codes() {
    all_cuts::<1, 8, 2048>("STM32L475", true, 3);
}

#[test]
fn an_nrf51() {
    all_cuts::<4, 4, 1024>("nRF51822", false, 11);
}

#[test]
fn sectors_smaller_than_a_slot_and_wide_writes() {
    all_cuts::<1, 32, 128>("wide writes", true, 1);
}

#[test]
fn single_bytes_and_sectors_larger_than_a_slot() {
    all_cuts::<1, 1, 4096>("serial flash", false, 211);
}

/// Digits: 2,410 params, all the operations of one save.
#[test]
fn a_network_of_the_size_of_a_board() {
    let mut board = Board::new("digits", Purpose::Train);
    let mut flash: Flash<1, 8, 2048> = Flash::new(1 + 2 * 5, true);
    let states = [1, 2, 3].map(|number| board.state(number));
    board.save(&mut flash, &states[0]).unwrap();
    board.save(&mut flash, &states[1]).unwrap();
    let tried = cut(&mut board, &flash, &states[2], 7, &mut |_, _, _| ());
    println!("digits on an STM32L475: cut {tried} times, at every seventh double word");
}

/// Saves take turns, so each slot is erased by every second one; the count outlives cuts.
#[test]
fn wear_is_counted() {
    let mut board = Board::new("xor", Purpose::Accumulate);
    let mut flash: Flash<4, 4, 1024> = Flash::new(3, false);
    let wear: Vec<u32> = (1..8).map(|n| board.save(&mut flash, &board.state(n)).unwrap()).collect();
    assert_eq!(wear, [1, 1, 2, 2, 3, 3, 4]);
}

/// What does not fit is refused before anything is erased; so are ranges that are none.
#[test]
fn what_does_not_fit_is_refused() {
    let mut board = Board::new("xor", Purpose::Train);
    let mut flash: Flash<1, 8, 64> = Flash::new(5, true);
    let state = board.state(1);
    assert!(matches!(board.save(&mut flash, &state), Err(KeepError::NoRoom(_, 128))));
    assert_eq!(flash.operations, 0);
    let unfit = |range| matches!(Keeper::new(Flash::<1, 8, 64>::new(5, true), range), Err(KeepError::Unfit));
    assert!(unfit(32..320) && unfit(0..321) && unfit(64..128) && unfit(64..64) && !unfit(64..320));
    let mut other = Board::new("seed", Purpose::Inspect);
    let mut flash: Flash<1, 8, 2048> = Flash::new(3, true);
    board.save(&mut flash, &state).unwrap();
    let range = range(&flash);
    let loaded = other.with_tape(|tape| Keeper::new(&mut flash, range).unwrap().load(tape));
    assert!(matches!(loaded, Err(KeepError::OtherCircuit(_))));
}
