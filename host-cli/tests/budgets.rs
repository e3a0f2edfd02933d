//! The budgets hold: what `budgets.toml` says is what the images contain, what the boards say of
//! themselves, and how deep their stacks get.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use chainrule::{BuildError, Circuit, CircuitRef, Purpose, Shape};
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{BOARDS, Board, Image, Port};
use chainrule_cli::engine::{Client, Engine, EngineError, Work};
use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

/// Bytes of an image, as they lie on the board.
#[derive(Debug)]
struct Bytes {
    flash: u64,
    ram: u64,
    /// Where static memory ends and the stack may reach to.
    floor: u64,
    /// Where the stack begins.
    top: u64,
}

fn bytes(board: &Board, image: &Path) -> Bytes {
    let data = fs::read(image).unwrap();
    let file = object::File::parse(&*data).unwrap();
    let mut bytes = Bytes { flash: 0, ram: 0, floor: 0, top: 0 };
    for section in file.sections() {
        let SectionFlags::Elf { sh_flags } = section.flags() else { panic!("not an ELF") };
        let name = section.name().unwrap();
        if sh_flags & u64::from(elf::SHF_ALLOC) == 0 || [".stack", ".heap"].contains(&name) {
            continue;
        }
        // What RAM starts with lies in flash too, where there is flash.
        let starts = section.file_range().is_some();
        let written = [".data", ".bss", ".uninit"].contains(&name);
        bytes.flash += if starts && (board.flash > 0 || !written) { section.size() } else { 0 };
        if written {
            bytes.ram += section.size();
            bytes.floor = bytes.floor.max(section.address() + section.size());
        }
    }
    let top = file.symbols().find(|symbol| symbol.name() == Ok("_stack_start")).unwrap();
    bytes.top = top.address();
    bytes
}

/// At most the budget, and not so far below it that the budget says nothing.
fn holds(what: &str, had: u64, budget: u32) {
    println!("{what}: {had} of {budget} bytes");
    assert!(had <= u64::from(budget), "{what}: {had} bytes, and the budget is {budget}");
    assert!(had * 4 >= u64::from(budget) * 3, "{what}: {had} bytes; lower the budget of {budget}");
}

#[test]
fn the_images_take_what_their_budgets_say() {
    for board in &BOARDS {
        let image = Image::of(board).build(&mut |_| ()).unwrap();
        let (bytes, budget) = (bytes(board, &image), board.budget().unwrap());
        let room = (budget.room() + budget.rows_bytes()) as u64;
        holds(&format!("flash of {}", board.name), bytes.flash, budget.flash);
        holds(&format!("RAM of {}", board.name), bytes.ram.checked_sub(room).unwrap(), budget.ram);
        let stack = bytes.top - bytes.floor;
        assert!(stack >= u64::from(budget.stack), "{}: {stack} bytes are left for the stack", board.name);
    }
}

/// Digits, as every board trains it.
fn digits(circuit: &mut Circuit<f32, 16>) -> Result<(), BuildError> {
    let image = circuit.input(Shape::vector(64))?;
    let digit = circuit.label(10)?;
    let (w1, b1) = (circuit.param(Shape::matrix(64, 32))?, circuit.param(Shape::vector(32))?);
    let (w2, b2) = (circuit.param(Shape::matrix(32, 10))?, circuit.param(Shape::vector(10))?);
    let z = circuit.dense(image, w1, b1)?;
    let h = circuit.relu(z)?;
    let logits = circuit.dense(h, w2, b2)?;
    let loss = circuit.cross_entropy(logits, digit)?;
    circuit.minimize(loss)
}

const PAINT: u8 = 0xa5;
/// Of a large RAM so much below the stack's beginning is painted.
const MOST_PAINT: u64 = 1 << 16;

/// Files for the emulator, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("chainrule-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Says something to the emulator's monitor and waits until it is done.
fn tell(monitor: &mut BufReader<UnixStream>, line: &str) {
    monitor.get_mut().write_all(line.as_bytes()).unwrap();
    let mut answer = String::new();
    while !answer.starts_with("{\"return\"") {
        answer.clear();
        assert!(monitor.read_line(&mut answer).unwrap() > 0, "the monitor is gone");
        assert!(!answer.starts_with("{\"error\""), "{answer}");
    }
}

/// Does everything that a board can do, and asks the board what it has room for.
fn work(port: &mut Port, view: CircuitRef<'_, f32>, board: &Board) {
    for purpose in [Purpose::Inspect, Purpose::Accumulate, Purpose::Train, Purpose::Infer] {
        // A batch's sums do not fit everywhere.
        let mut client = match Client::new(&mut *port, view, purpose, &mut |_| ()) {
            Ok(client) => client,
            Err(EngineError::TooLarge { .. }) => continue,
            Err(error) => panic!("{}: {error}", board.name),
        };
        let (facts, budget) = (client.facts(), board.budget().unwrap());
        let said = [facts.gates, facts.shapes.into(), facts.numbers, facts.attrs, facts.arena, facts.rows];
        let told = [budget.gates, budget.shapes, budget.numbers, budget.attrs, budget.arena, budget.rows];
        assert_eq!((facts.name.as_str(), facts.scalar, said), (board.name, 4, told));
        client.ready().unwrap();
        client.keep(vec![0.5; 64].into_iter().chain([3.0]).collect(), &mut |_| ()).unwrap();
        match purpose {
            Purpose::Inspect => client.backward(view.objective().unwrap().wire()).unwrap(),
            Purpose::Accumulate => drop(client.batch(0.1, &[0], &mut |_| ()).unwrap()),
            Purpose::Train => drop(client.run(Work::Step(0.1f32.to_bits().into()), &[0], &mut |_| ()).unwrap()),
            Purpose::Infer => drop(client.run(Work::Evaluate, &[0], &mut |_| ()).unwrap()),
        }
        client.params_hash().unwrap();
    }
}

#[test]
fn the_boards_have_the_room_and_the_stack_that_their_budgets_say() {
    let mut circuit = Circuit::new();
    digits(&mut circuit).unwrap();
    for board in &BOARDS {
        let image = Image::of(board).build(&mut |_| ()).unwrap();
        let bytes = bytes(board, &image);
        let from = bytes.floor.max(bytes.top - MOST_PAINT);
        let length = (bytes.top - from) as usize;
        let folder = Folder::new(board.name);
        fs::write(folder.file("paint"), vec![PAINT; length]).unwrap();
        // The emulator paints the stack before it starts the processor.
        let paint = format!("loader,file={},addr={from:#x},force-raw=on", folder.file("paint"));
        let monitor = format!("unix:{},server=on,wait=off", folder.file("monitor"));
        let emulator = Emulator::start(board, &image, false, &["-device", &paint, "-qmp", &monitor]).unwrap();
        let mut port = Port::from(emulator);
        work(&mut port, circuit.view(), board);
        let mut monitor = BufReader::new(UnixStream::connect(folder.file("monitor")).unwrap());
        tell(&mut monitor, "{\"execute\":\"qmp_capabilities\"}\n");
        let stack = folder.file("stack");
        let save = format!("{{\"val\":{from},\"size\":{length},\"filename\":\"{stack}\"}}");
        tell(&mut monitor, &format!("{{\"execute\":\"pmemsave\",\"arguments\":{save}}}\n"));
        let stack = fs::read(stack).unwrap();
        let untouched = stack.iter().take_while(|&&byte| byte == PAINT).count();
        assert!(untouched > 0, "{}: no paint is left below the stack", board.name);
        holds(&format!("stack of {}", board.name), (length - untouched) as u64, board.budget().unwrap().stack);
    }
}
