//! Texts about planes: convolutions, pools, reshape and concat.

use super::{file, lowered, report};

#[test]
fn planes_are_written_back() {
    let text = "\
input x[16]
input w[1, 2, 2, 3]
layer c1 = conv2d(3, 3, padding = 1)
layer d = conv1d(2, 2, stride = 2, bias = false)
a = reshape(x, 1, 4, 4)
b = c1(a)
c = max_pool(b, 2)
e = avg_pool(b, 3, 1, padding = 1)
g = conv2d(a, w, stride = 2)
h = conv2d(a, w, [1, 2, 3], groups = 1)
i = d(reshape(x, 1, 16))
j = concat(x, x)
maximize sum(b) + max(e) + sum(global_avg(c)) + sum(g) + sum(h) + sum(i) + sum(j)
";
    let circuit = lowered(&file(text), &[]);
    let formula = |name: &str| circuit.formula(circuit.wire(name).expect(name));
    assert_eq!(formula("a"), "reshape(x, 1, 4, 4)");
    assert_eq!(formula("b"), "c1(a)");
    assert_eq!(formula("c"), "max_pool(b, 2)");
    assert_eq!(formula("e"), "avg_pool(b, 3, stride = 1, padding = 1)");
    assert_eq!(formula("g"), "conv2d(a, w, stride = 2)");
    assert_eq!(formula("h"), "conv2d(a, w, [1, 2, 3])");
    assert_eq!(formula("i"), "d(i.1)");
    assert_eq!(formula("j"), "concat(x, x)");
    let shape = |name: &str| circuit.view().shape(circuit.wire(name).expect(name)).to_string();
    assert_eq!((shape("b"), shape("c"), shape("e")), ("[3, 4, 4]".into(), "[3, 2, 2]".into(), "[3, 4, 4]".into()));
    assert_eq!((shape("i"), shape("j")), ("[2, 8]".into(), "[32]".into()));
    let param = |name: &str| circuit.params.iter().find(|param| param.name == name);
    assert_eq!(param("c1.weight").expect("there").shape, [3, 1, 3, 3]);
    assert_eq!(param("d.weight").expect("there").shape, [2, 1, 2]);
    assert!(param("d.bias").is_none());
}

#[test]
fn weights_of_a_convolution_turn_between_file_and_core() {
    let circuit = lowered(&file("input x[2, 1, 2]\nlayer c = conv2d(3, 1)\nmaximize sum(c(x))"), &[]);
    let weight = &circuit.params[0];
    let in_core = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]; // [in, 1, 1, out] = [2, 1, 1, 3]
    let in_file = weight.to_file(&in_core);
    assert_eq!(in_file, [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]); // [out, in, 1, 1] = [3, 2, 1, 1]
    assert_eq!(weight.from_file(&in_file), in_core);
}

#[test]
fn a_convolution_starts_by_what_its_kernel_sees() {
    let text = "input x[4, 9, 9]\nlayer c = conv2d(64, 3, groups = 2, init = he)\nmaximize sum(c(x))";
    let start = &lowered(&file(text), &[]).params[0].start;
    let variance = start.iter().map(|x| x * x).sum::<f64>() / start.len() as f64;
    let expected = 2.0 / 18.0; // 2 / fan_in, which is 4 / 2 planes of 3 × 3
    assert!((variance / expected - 1.0).abs() < 0.15, "{variance}, not {expected}");
}

#[test]
fn what_does_not_fit_is_told() {
    assert_eq!(
        report("input x[64]\na = max_pool(x, 2)\nb = reshape(x, 1, 8, 9)\nmaximize sum(x)"),
        "\
error: `max_pool` needs `[channels, height, width]`, not [64]
 --> a.circuit:2:14
  |
2 | a = max_pool(x, 2)
  |              ^ [64]
  |
  = help: make it so: `reshape(x, 1, 8, 8)`

error: `reshape` cannot make [1, 8, 9] of the 64 elements of [64]
 --> a.circuit:3:13
  |
3 | b = reshape(x, 1, 8, 9)
  |             ^ [64]
  |
  = help: [1, 8, 9] has 72 elements"
    );
    let seven = report("input x[7]\nlayer c = conv2d(8, 3)\nmaximize sum(c(x))");
    assert!(seven.contains("make it so: `reshape(x, 1, 1, 7)`"), "{seven}");
    let first = |text: &str| report(text).lines().next().unwrap_or_default().to_owned();
    let planes = |line: &str| first(&format!("input x[3, 4, 4]\ninput v[3]\n{line}\nmaximize sum(x)"));
    let layer = |call: &str| first(&format!("input x[3, 4, 4]\nlayer c = {call}\nmaximize sum(c(x))"));
    assert_eq!(layer("conv2d(8, 5)"), "error: a window of 5 with stride 1 and padding 0 does not go over [3, 4, 4]");
    assert_eq!(layer("conv2d(8, 3, groups = 2)"), "error: 2 groups do not divide 3 inputs and 8 outputs");
    assert_eq!(
        layer("conv1d(8, 3)"),
        "error: layer `c` needs two dimensions, `[channels, length]` or `[time, features]`, not [3, 4, 4]"
    );
    assert_eq!(layer("conv2d(8)"), "error: the argument `kernel` is missing");
    assert_eq!(layer("conv2d(8, 3, stride = 0.5)"), "error: expected a whole number, up to 65535");
    assert_eq!(planes("a = conv2d(x, v)"), "error: `conv2d` does not take weights [3] for [3, 4, 4] in 1 groups");
    assert_eq!(planes("a = concat(x, v)"), "error: `concat` does not take [3, 4, 4] and [3]");
    assert_eq!(planes("a = reshape(x, n = 3)"), "error: there is no argument `n`");
    let twice = "input x[3, 4, 4]\nlayer c = conv2d(2, 3)\nmaximize sum(c(x)) + sum(c(c(x)))";
    assert_eq!(first(twice), "error: layer `c` takes [3, 4, 4], not [2, 2, 2]");
}
