//! The circuit `scalar1000` as straight-line code, for the bench that compares with it: what a compiler
//! makes of it is the least that its thousand gates and their gradients take.

use std::fmt::Write;
use std::path::Path;

const CIRCUIT: &str = "corpus/scalar1000.circuit";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={CIRCUIT}");
    let text = std::fs::read_to_string(CIRCUIT).expect("the circuit is there");
    let folder = std::env::var_os("OUT_DIR").expect("cargo says where");
    let code =
        straight(&text).expect("lines of `param p = 1`, `g = a + b`, `g = a * b`, `g = max(a, b)`, `maximize g`");
    std::fs::write(Path::new(&folder).join("scalar1000.rs"), code).expect("it can be written");
}

/// A function from params to their gradients, gate by gate.
fn straight(text: &str) -> Option<String> {
    let (mut params, mut forward, mut backward) = (Vec::new(), String::new(), Vec::new());
    let mut objective = None;
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(|c: char| " (),".contains(c)).filter(|word| !word.is_empty()).collect();
        let (gate, value, back) = match words[..] {
            ["param", name, "=", _] => {
                params.push(name);
                continue;
            }
            ["maximize", name] => {
                objective = Some(name);
                continue;
            }
            [gate, "=", "max", a, b] => (
                gate,
                format!("if {a} >= {b} {{ {a} }} else {{ {b} }}"),
                format!("if {a} >= {b} {{ d_{a} += d_{gate} }} else {{ d_{b} += d_{gate} }}"),
            ),
            [gate, "=", a, "+", b] => (gate, format!("{a} + {b}"), format!("d_{a} += d_{gate}; d_{b} += d_{gate}")),
            [gate, "=", a, "*", b] => {
                (gate, format!("{a} * {b}"), format!("d_{a} += d_{gate} * {b}; d_{b} += d_{gate} * {a}"))
            }
            _ => return None,
        };
        writeln!(forward, "let ({gate}, mut d_{gate}) = ({value}, 0.0);").ok()?;
        backward.push(format!("{back};\n"));
    }
    backward.reverse();
    let (names, count, objective) = (params.join(", "), params.len(), objective?);
    let zeros: String = params.iter().map(|name| format!("let mut d_{name} = 0.0;\n")).collect();
    let gradients = params.iter().map(|name| format!("d_{name}")).collect::<Vec<_>>().join(", ");
    let backward = backward.concat();
    Some(format!(
        "#[allow(unused)]\n#[inline(never)]\nfn scalar1000_straight([{names}]: [f64; {count}]) -> [f64; {count}] {{\n\
         {zeros}{forward}d_{objective} += 1.0;\n{backward}[{gradients}]\n}}\n"
    ))
}
