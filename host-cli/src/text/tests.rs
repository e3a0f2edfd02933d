//! What the parser takes, what it refuses, and what it says then.

use super::*;

mod random;

fn file(text: &str) -> Document {
    parse(text, Form::File).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

fn formula(text: &str) -> Document {
    parse(text, Form::Formula).unwrap_or_else(|mistakes| panic!("{text}: {mistakes:?}"))
}

/// An expression with all its brackets.
fn bracketed(text: &str) -> String {
    let document = formula(text);
    let [Statement::Formula(id)] = document.statements[..] else {
        panic!("{text} is not one formula");
    };
    fn walk(document: &Document, id: ExprId) -> String {
        match &document.node(id).kind {
            Expr::Binary { operator, left, right, .. } => {
                format!("({} {} {})", walk(document, *left), operator.sign(), walk(document, *right))
            }
            Expr::Negate(of) => format!("(-{})", walk(document, *of)),
            _ => document.written(id),
        }
    }
    walk(&document, id)
}

fn report(text: &str, form: Form) -> String {
    let mistakes = parse(text, form).expect_err("should be refused");
    let told: Vec<Diagnostic> = mistakes.iter().map(|mistake| mistake.diagnostic()).collect();
    Source::new("a.circuit", text).report(&told, false)
}

#[test]
fn operators_bind_as_usual() {
    for (text, meaning) in [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a / b * c", "((a / b) * c)"),
        ("a^b^c", "(a ^ (b ^ c))"),
        ("-x^2", "(-(x ^ 2))"),
        ("2^-1", "(2 ^ (-1))"),
        ("2^-1*3", "((2 ^ (-1)) * 3)"),
        ("-a*b", "((-a) * b)"),
        ("a*-b", "(a * (-b))"),
        ("a - -b", "(a - (-b))"),
        ("--a", "(-(-a))"),
        ("(a + b)*c", "((a + b) * c)"),
        ("2^-x^2", "(2 ^ (-(x ^ 2)))"),
    ] {
        assert_eq!(bracketed(text), meaning, "{text}");
    }
}

#[test]
fn the_files_of_the_design_are_read_and_written_back() {
    let digits = "\
input image[64]
label digit : class(10)
layer fc1 = dense(32, init = he)
layer fc2 = dense(10, init = xavier)
h = relu(fc1(image / 16))
logits = fc2(h)
minimize cross_entropy(logits, digit)
train {
  data = \"digits.csv\"
  split = 0.2
  optimizer = sgd(lr = 0.05)
  batch = 1
  epochs = 30
  seed = 1
}
";
    assert_eq!(file(digits).to_string(), digits);
    let seed = "input x = -2\ninput y = 5\nq = x + y\nmaximize q\n";
    assert_eq!(file(seed).to_string(), seed);
    let more = "\
param w[2] = [0.1, 0.2]
param m[2, 3] = [[1, 2, 3], [4, 5, 6]]
layer c = conv2d(8, 3, stride = [2, 2], padding = 1)
freeze = [fc1, fc2]
normalize x, y
p = x[0] * x[1..3] + m[0, ..2]
adapt {
  ignore = [id]
  split = by(subject)
}
";
    assert_eq!(file(more).to_string(), more);
}

#[test]
fn lines_may_break_in_brackets_and_after_operators() {
    assert_eq!(file("f = max(a,\n  b) +\n  c # why\nmaximize f").to_string(), "f = max(a, b) + c\nmaximize f\n");
    assert_eq!(formula("q = x + y; q*z").to_string(), "q = x + y\nq * z\n");
    assert_eq!(file("train { batch = 1, epochs = 2 }\r\n").to_string(), "train {\n  batch = 1\n  epochs = 2\n}\n");
}

#[test]
fn an_unknown_character_says_what_to_write() {
    assert_eq!(
        report("input x\nmaximize x · 2", Form::File),
        "\
error: `·` is not part of the format
 --> a.circuit:2:12
  |
2 | maximize x · 2
  |            ^ here
  |
  = help: write `*`"
    );
}

#[test]
fn a_missing_bracket_points_at_the_open_one() {
    assert_eq!(
        report("(x + y * z", Form::Formula),
        "\
error: expected `)` before this
 --> a.circuit:1:11
  |
1 | (x + y * z
  | -         ^ `)` is missing
  | |
  | opened here"
    );
}

#[test]
fn a_bracket_left_open_does_not_swallow_the_next_line() {
    assert_eq!(
        report("f = max(a, b\ng = 2x", Form::File),
        "\
error: expected `)` before this
 --> a.circuit:1:13
  |
1 | f = max(a, b
  |        -    ^ `)` is missing
  |        |
  |        opened here

error: expected an operator between two operands
 --> a.circuit:2:6
  |
2 | g = 2x
  |      ^ the second operand
  |
  = help: to multiply, write `*`"
    );
}

#[test]
fn one_run_tells_several_mistakes() {
    assert_eq!(
        report("inptu x\nf = 2x\nmaximise f\ntrain {\n  batch 1\n  epochs = \n}\ng = x**2", Form::File),
        "\
error: no statement starts with `inptu`
 --> a.circuit:1:1
  |
1 | inptu x
  | ^^^^^ here
  |
  = help: did you mean `input`?

error: expected an operator between two operands
 --> a.circuit:2:6
  |
2 | f = 2x
  |      ^ the second operand
  |
  = help: to multiply, write `*`

error: no statement starts with `maximise`
 --> a.circuit:3:1
  |
3 | maximise f
  | ^^^^^^^^ here
  |
  = help: did you mean `maximize`?

error: expected `=`, found `1`
 --> a.circuit:5:9
  |
5 |   batch 1
  |         ^ here

error: expected a name, a number, `(` or `[`, found the end of the line
 --> a.circuit:6:12
  |
6 |   epochs = 
  |            ^ here

error: a power is written `^`
 --> a.circuit:8:6
  |
8 | g = x**2
  |      ^^ here
  |
  = help: write `x^2`"
    );
}

#[test]
fn ten_thousand_brackets_are_refused() {
    let text = "(".repeat(10_000);
    let told = report(&text, Form::Formula);
    assert!(told.starts_with("error: nested deeper than 256"), "{told}");
    assert!(told.contains("column 257"), "{told}");
    assert!(told.lines().all(|line| line.len() < 200), "{told}");
    for text in ["-".repeat(10_000), "[".repeat(10_000), "2^".repeat(10_000)] {
        let told = report(&text, Form::Formula);
        assert!(told.starts_with("error: nested deeper than 256"), "{told}");
    }
    let deepest = format!("{}x{}", "(".repeat(256), ")".repeat(256));
    formula(&deepest);
}

#[test]
fn long_chains_are_no_nesting() {
    let chain = vec!["1"; 100_000].join("+");
    let document = formula(&chain);
    let [Statement::Formula(id)] = document.statements[..] else {
        panic!("not one formula");
    };
    assert_eq!(document.nodes.len(), 199_999);
    assert_eq!(document.written(id).len(), 100_000 + 3 * 99_999);
}

#[test]
fn refusals() {
    for (text, form, title) in [
        ("x + y", Form::File, "this formula has no name"),
        ("", Form::Formula, "there is no formula here"),
        ("# nothing\n", Form::File, "there is no formula here"),
        ("x = 1)", Form::File, "expected the end of the line, found `)`"),
        ("train = 1", Form::File, "`train` is a word of the format"),
        ("a.b = 1", Form::File, "the name `a.b` cannot be defined"),
        ("input x[1.5]", Form::File, "expected a whole number, found `1.5`"),
        ("y = x[-1]", Form::File, "expected a whole number, found `-`"),
        ("f = max(a = 1, 2)", Form::File, "an argument without a name"),
        ("data = \"a", Form::File, "this text in quotes does not end"),
        ("label y : klass(2)", Form::File, "expected `class(…)`"),
        ("layer fc1 = 3", Form::File, "expected a layer such as"),
        ("train {\n batch = 1\n", Form::File, "expected `}` before this"),
        ("max(a b)", Form::Formula, "expected an operator between"),
        ("x y", Form::Formula, "expected an operator between"),
        ("x +", Form::Formula, "expected a name, a number"),
        ("trian { batch = 1 }", Form::File, "no statement starts with `trian`"),
    ] {
        let told = report(text, form);
        assert!(told.starts_with(&format!("error: {title}")), "{text}: {told}");
    }
}

#[test]
fn values_from_the_command_line() {
    let given = read_given("x=-2").expect("a scalar");
    assert_eq!((given.name.text.as_str(), given.value.shape.len()), ("x", 0));
    assert_eq!(given.value.read::<f32>(), Ok(vec![-2.0]));
    let given = read_given("m = [[1, 2.5], [-3, inf]]").expect("a matrix");
    assert_eq!(given.value.shape, [2, 2]);
    assert_eq!(given.value.read::<f64>(), Ok(vec![1.0, 2.5, -3.0, f64::INFINITY]));
    for (text, title) in [
        ("x", "expected a value for a wire"),
        ("x=", "expected a name, a number"),
        ("x=abc", "expected a number or a list of numbers"),
        ("x=[1, [2]]", "the parts of a list differ in shape"),
        ("x=[]", "a list needs a number"),
    ] {
        let told = read_given(text).expect_err(text).report(false);
        assert!(told.starts_with(&format!("error: {title}")), "{text}: {told}");
    }
}

#[test]
fn numbers_are_rounded_once() {
    // Through f64 this becomes 1 + 2^-24 exactly, then ties to even: 1.
    let text = "x=1.000000059604644775390625000001";
    let given = read_given(text).expect("a number");
    assert_eq!(given.value.read::<f32>(), Ok(vec![1.000_000_1]));
    assert!(read_given("x=1e39").expect("a number").value.read::<f32>().is_err());
    assert!(read_given("x=1e39").expect("a number").value.read::<f64>().is_ok());
}
