//! Files that are read and files that are refused, with what is said then.

use super::columns::{Role, Steering};
use super::error::DataErrorKind;
use super::*;

fn field(name: &str, elements: Option<usize>, role: Role) -> Field {
    Field { name: name.to_owned(), elements, role }
}

fn digits() -> Vec<Field> {
    vec![field("image", Some(3), Role::Input), field("digit", None, Role::Class(10))]
}

fn read_text(csv: &str, fields: &[Field]) -> Result<Table<f32>, DataErrorKind> {
    table::read_from(csv.as_bytes(), fields, &Steering::default())
}

fn report(csv: &str, fields: &[Field]) -> String {
    let kind = read_text(csv, fields).expect_err("should be refused");
    DataError { path: "data.csv".into(), kind }.report()
}

#[test]
fn the_only_input_takes_what_is_left() {
    let table = read_text("digit,p0,p1,p2\n3, 1,.5,-2e1\n\"9\",0,0,0\n", &digits()).expect("rows");
    assert_eq!(table.rows(), 2);
    assert_eq!(table.values(0, 0), [1.0, 0.5, -20.0]);
    assert_eq!(table.values(1, 0), [3.0]);
    assert_eq!(table.values(1, 1), [9.0]);
    assert!(table.values(1, 2).is_empty());
}

#[test]
fn names_come_first_and_steering_columns_are_no_inputs() {
    let csv = "\u{feff}id,v1,w,v0,subject,y\n7,1,2,0,a,5\n8,1,2,0,b,5\n";
    let fields = [field("v", Some(2), Role::Input), field("w", None, Role::Input), field("y", None, Role::Target)];
    let steering = Steering { by: Some("subject".into()), ignore: vec!["id".into()], ..Steering::default() };
    let table: Table<f64> = table::read_from(csv.as_bytes(), &fields, &steering).expect("rows");
    assert_eq!(table.values(0, 0), [0.0, 1.0]);
    assert_eq!(table.values(1, 0), [2.0]);
    assert_eq!(table.groups(), ["a", "b"]);
    let only = [field("v", Some(3), Role::Input)];
    let steering = Steering {
        by: Some("subject".into()),
        ignore: vec!["id".into(), "y".into(), "w".into()],
        ..Steering::default()
    };
    let refused = table::read_from::<f64>(csv.as_bytes(), &only, &steering);
    // `v0` is there, so `v2` is wanted and the rest is not taken.
    assert!(matches!(refused, Err(DataErrorKind::MissingColumn { name, .. }) if name == "v2"));
}

#[test]
fn what_is_wrong_is_said_with_line_and_column() {
    assert_eq!(
        report("p0,p1,p2,digt\n1,2,3,4\n", &digits()),
        "\
error: there is no column `digit`, which label `digit` needs
 --> data.csv:1
  = help: did you mean `digt`?"
    );
    assert_eq!(
        report("id,p0,p1,p2,digit\n1,1,2,3,4\n", &digits()),
        "\
error: input `image` takes 3 columns, but 4 are left for it
 --> data.csv:1
  = help: left are `id`, `p0`, `p1`, `p2`; name columns that are no input: `ignore = [id]`"
    );
    assert_eq!(
        report("p0,p1,p2,digit\n1,2,3,4\n1,2,3\n", &digits()),
        "\
error: this row has 3 values, the header has 4
 --> data.csv:3
  = help: fill the missing values or remove the line"
    );
    assert_eq!(
        report("p0,p1,p2,digit\n1,2,3,4\n\n1,abc,3,4\n", &digits()),
        "\
error: `abc` in column `p1` is not a number
 --> data.csv:4, column 2
  = help: mend the value, or leave the column out: `ignore = [p1]`"
    );
    assert_eq!(
        report("p0,p1,p2,digit\n1,2,NaN,4\n", &digits()),
        "\
error: `NaN` in column `p2` is not a finite f32
 --> data.csv:2, column 3
  = help: mend the value or remove the line"
    );
    assert_eq!(
        report("p0,p1,p2,digit\n1,2,3,10\n", &digits()),
        "\
error: label `digit` is `10`, not one of 10 classes
 --> data.csv:2, column 4
  = help: classes are whole numbers from 0 to 9; if there are more: `class(11)`"
    );
}

#[test]
fn other_refusals() {
    for (csv, title) in [
        ("", "the data has no header"),
        ("p0,p1,p2,digit\n", "the data has no rows"),
        ("p0,p0,p2,digit\n1,2,3,4\n", "columns 1 and 2 are both named `p0`"),
        ("p0,p1,p2,digit\n1,,3,4\n", "a value is missing in column `p1`"),
        ("p0,p1,p2,digit\n1,inf,3,4\n", "`inf` in column `p1` is not a finite"),
        ("p0,p1,p2,digit\n1,1e39,3,4\n", "`1e39` in column `p1` is not a finite"),
        ("p0,p1,p2,digit\n1,2,3,4.5\n", "label `digit` is `4.5`"),
        ("p0,p1,p2,digit\n1,2,3,-1\n", "label `digit` is `-1`"),
        ("p0,p1,p2,digit\n1\n", "this row has 1 value, the header has 4"),
        ("p0,p1,p2,digit\n\"1,2,3,4\n5,6,7,8\n", "a quote that is opened in this row is never closed\n --> data.csv:2"),
    ] {
        let told = report(csv, &digits());
        assert!(told.starts_with(&format!("error: {title}")), "{csv}: {told}");
    }
    for (csv, help) in [
        ("p0,p1,p2,digit\n1,2,3,-1\n", "classes are whole numbers from 0 to 9"),
        ("p0,p1,p2,digit\n1,2,3,0.5\n", "classes are whole numbers from 0 to 9"),
        ("p0;p1;p2;digit\n1;2;3;4\n", "the header is one column, `p0;p1;p2;digit`; put commas between values"),
    ] {
        let told = report(csv, &digits());
        assert!(told.ends_with(help), "{csv}: {told}");
    }
    let gone = read::<f32>("nowhere.csv".as_ref(), &digits(), &Steering::default());
    let told = gone.expect_err("no file").report();
    assert!(told.starts_with("error: there is no such data file\n --> nowhere.csv"), "{told}");
    let bytes = b"p0,p1,p2,digit\n1,2,3,\xff\n";
    let refused = table::read_from::<f32>(bytes, &digits(), &Steering::default());
    assert!(matches!(refused, Err(DataErrorKind::NotText { line: 2 })), "{refused:?}");
}

#[test]
fn shares_and_groups_are_held_out() {
    let order = [4, 2, 0, 1, 3];
    let halves = split::by_share(&order, 0.5); // round(2.5) is 3
    assert_eq!((halves.held, halves.train), (vec![4, 2, 0], vec![1, 3]));
    let none = split::by_share(&order, 0.0);
    assert_eq!((none.held, none.train), (vec![], order.to_vec()));
    let groups: Vec<String> = ["a", "b", "a", "c", "b"].map(String::from).to_vec();
    let whole = split::by_group(&order, &groups, &[1, 0, 2], 0.2);
    assert_eq!((whole.held, whole.train), (vec![4, 1], vec![2, 0, 3]));
    let one = split::by_value(&order, &groups, "who", "c").expect("there");
    assert_eq!(one.held, [3]);
    assert!(split::by_value(&order, &groups, "who", "d").is_err());
}
