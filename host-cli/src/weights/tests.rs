//! Weights that come back, weights that do not fit and what is said.

use super::*;
use crate::lower::lower;
use crate::text::{Form, Source, Written, parse};

const TEXT: &str = "input x[2]\nlabel y\nlayer fc = dense(3)\nparam s = 2\nminimize mse(s * sum(fc(x)), y)\n";

fn lowered<T: Readable>(text: &str) -> Lowered<T> {
    let document = parse(text, Form::File).expect("reads");
    let written = Written { source: Source::new("a.circuit", text), document, form: Form::File, folder: "".into() };
    lower(&written, &[], None).unwrap_or_else(|error| panic!("{}", error.report(false)))
}

fn values(circuit: &Lowered<f32>) -> Vec<Vec<f32>> {
    circuit.params.iter().map(|param| param.start.clone()).collect()
}

/// A file as other tools write it: `fc.weight` is 0 to 5, but for what `change` does.
fn foreign(change: impl Fn(&mut Vec<(&str, Dtype, Vec<usize>, Vec<f32>)>)) -> Vec<u8> {
    let mut tensors = vec![
        ("fc.weight", Dtype::F32, vec![3, 2], vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ("fc.bias", Dtype::F32, vec![3], vec![6.0, 7.0, 8.0]),
        ("s", Dtype::F32, vec![], vec![9.0]),
    ];
    change(&mut tensors);
    let bytes: Vec<Vec<u8>> =
        tensors.iter().map(|(.., numbers)| numbers.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, dtype, shape, _), bytes)| (*name, TensorView::new(*dtype, shape.clone(), bytes).expect("fits")));
    safetensors::serialize(views, None).expect("writes")
}

fn refused(bytes: &[u8]) -> String {
    let mut circuit = lowered::<f32>(TEXT);
    let before = values(&circuit);
    let kind = decode(bytes, &mut circuit).expect_err("should be refused");
    assert_eq!(values(&circuit), before, "nothing changed");
    WeightsError { path: "w.safetensors".into(), kind }.report()
}

#[test]
fn weights_of_other_tools_are_turned() {
    let mut circuit = lowered::<f32>(TEXT);
    decode(&foreign(|_| {}), &mut circuit).expect("fits");
    // Row j of the file holds the weights of output j; the core keeps those of input i together.
    assert_eq!(values(&circuit), [vec![9.0], vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0], vec![6.0, 7.0, 8.0]]);
}

#[test]
fn what_is_written_reads_the_same() {
    let circuit = lowered::<f64>(TEXT);
    let params: Vec<Vec<f64>> =
        circuit.params.iter().map(|param| param.start.iter().map(|x| x * 0.3 - 1e-300).collect()).collect();
    let bytes = encode(&circuit, &params, 7).expect("fits");
    let mut back = lowered::<f64>(TEXT);
    decode(&bytes, &mut back).expect("reads");
    assert!(back.params.iter().map(|param| &param.start).eq(&params));
    let short = [vec![1.0], vec![], vec![]];
    assert!(matches!(encode(&circuit, &short, 7), Err(Kind::Format(_))));
}

#[test]
fn what_does_not_fit_is_said() {
    let place = "\n --> w.safetensors\n  = help: ";
    let told = refused(&foreign(|tensors| tensors[0].0 = "fc1.weight"));
    let needed = "error: the weights have no `fc.weight`";
    assert_eq!(told, format!("{needed}{place}the file has `fc1.weight`; name the layer as the file does"));
    let told = refused(&foreign(|tensors| tensors.truncate(2)));
    assert!(told.starts_with("error: the weights have no `s`") && told.contains("fc.bias, fc.weight"), "{told}");
    let told = refused(&foreign(|tensors| tensors[0].2 = vec![2, 3]));
    assert!(told.starts_with("error: `fc.weight` is [3, 2] in the circuit, [2, 3] in the file"), "{told}");
    let told = refused(&foreign(|tensors| tensors.push(("t", Dtype::F32, vec![1], vec![0.0]))));
    assert!(told.starts_with("error: the circuit has no `t`, which the weights have"), "{told}");
    let told = refused(&foreign(|tensors| tensors[1].3[2] = f32::NAN));
    assert!(told.starts_with("error: number 2 of `fc.bias` is not finite"), "{told}");
    let told = refused(&foreign(|tensors| tensors[1] = ("fc.bias", Dtype::I32, vec![3], vec![0.0; 3])));
    assert!(told.starts_with("error: `fc.bias` is saved in i32, this run is in f32"), "{told}");
    let told = refused(&foreign(|tensors| tensors[1] = ("fc.bias", Dtype::F64, vec![3], vec![0.0; 6])));
    assert!(told.ends_with("run in that: `--scalar f64`"), "{told}");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let circuit = lowered::<f32>(TEXT);
    let bytes = encode(&circuit, &values(&circuit), 7).expect("fits");
    for end in 0..bytes.len() {
        let told = refused(&bytes[..end]);
        assert!(told.starts_with("error: this is no whole safetensors file: "), "{end}: {told}");
    }
}

#[test]
fn what_a_circuit_computes_counts_and_what_it_is_called_does_not() {
    let of = |text: &str| Fingerprint::of(&lowered::<f32>(text));
    let own = of(TEXT);
    for same in [
        TEXT.replace("dense(3)", "dense(3, init = he)"),
        TEXT.replace("param s = 2", "param s = 3"),
        TEXT.replace("input x", "input a").replace("(x)", "(a)"),
        format!("{TEXT}freeze = [fc]\n"),
    ] {
        assert_eq!(of(&same), own, "{same}");
    }
    for (from, to) in [("minimize", "maximize"), ("sum", "mean"), ("s * sum", "2 * s * sum"), ("mse", "hinge")] {
        let other = of(&TEXT.replace(from, to));
        assert_ne!(other.hash(), own.hash(), "{to}");
        let kind = own.compare(&other.with_params(7, "f32")).expect_err("differs");
        assert!(matches!(kind, Kind::Circuit { differs: Some(_), .. }), "{kind:?}");
    }
    let clip = of("input x\nmaximize clip(x, 0, 1)");
    assert_ne!(clip, of("input x\nmaximize clip(x, 0, 2)"));
    assert_ne!(of("input x[4]\nmaximize sum(x[0..2])"), of("input x[4]\nmaximize sum(x[1..3])"));
    // The hash of these lines, computed by another program: files of today must fit tomorrow.
    let lines = "0 input [2]\n1 input\n2 param\n3 param [2] [3]\n4 param [3]\n5 dense [3] 0 3 4\n6 sum 5\n\
                 7 mul 2 6\n8 mse 7 1\nminimize 8";
    assert!(own.with_params(7, "f32").ends_with(lines));
    assert_eq!(format!("{:016x}", own.hash()), "22f35cdd30133baa");
    own.compare(&own.with_params(7, "f32")).expect("fits");
}
