//! The budgets hold: what `budgets.toml` says is what the images contain, what the boards say of
//! themselves, and how deep their stacks get.

mod folder;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::LazyLock;
use std::thread::sleep;
use std::time::Duration;

use chainrule::link::{NotKept, Refusal};
use chainrule::{BuildError, Circuit, CircuitRef, Method, Optimiser, Purpose, Schedule, Shape, Training};
use chainrule_cli::board::budget::{modules, program};
use chainrule_cli::board::emulator::Emulator;
use chainrule_cli::board::{BOARDS, Board, Image, Port, image};
use chainrule_cli::engine::{Client, Engine, EngineError, Work};
use folder::Folder;
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

/// Whether the images have frame pointers: 4 % more flash, which the budgets do not count on.
static FRAMED: LazyLock<bool> = LazyLock::new(|| image::has_frame_pointers(BOARDS[0].target));

/// What does not hold, of all boards.
#[derive(Default)]
struct Broken(Vec<String>);

impl Broken {
    /// At most the budget.
    fn unless_within(&mut self, what: &str, had: u64, budget: u32) {
        let budget = if *FRAMED { budget + budget / 20 } else { budget };
        println!("{what}: {had} of {budget} bytes");
        if had > u64::from(budget) {
            self.0.push(format!("{what}: {had} bytes, and the budget is {budget}"));
        }
    }

    /// At most the budget, and not so far below it that the budget says nothing.
    fn unless_holds(&mut self, what: &str, had: u64, budget: u32) {
        self.unless_within(what, had, budget);
        if had * 4 < u64::from(budget) * 3 {
            self.0.push(format!("{what}: {had} bytes; lower the budget of {budget}"));
        }
    }
}

#[test]
fn the_images_take_what_their_budgets_say() {
    let mut broken = Broken::default();
    for board in &BOARDS {
        let image = Image::of(board).build(&mut |_| ()).unwrap();
        let (bytes, budget) = (bytes(board, &image), board.budget().unwrap());
        let room = (budget.room() + budget.rows_bytes()) as u64;
        broken.unless_holds(&format!("flash of {}", board.name), bytes.flash, budget.flash);
        broken.unless_holds(&format!("RAM of {}", board.name), bytes.ram.checked_sub(room).unwrap(), budget.ram);
        let stack = bytes.top - bytes.floor;
        assert!(stack >= u64::from(budget.stack), "{}: {stack} bytes are left for the stack", board.name);
    }
    // What keeps the learned can be left out.
    let board = &BOARDS[0];
    let image = Image { keeps: false, ..Image::of(board) }.build(&mut |_| ()).unwrap();
    let budget = program("mps2-an386-no-keep").unwrap();
    broken.unless_holds(&format!("flash of {}, keeping nothing", board.name), bytes(board, &image).flash, budget.flash);
    assert!(broken.0.is_empty(), "{:#?}", broken.0);
}

/// Which parts of an image a function can belong to: the beginnings of its path, and the names of those
/// that have none.
const PARTS: [(&str, &[&str], &[&str]); 11] = [
    (
        "walks",
        &[
            "chainrule::tape",
            "chainrule::between",
            "chainrule::hot",
            "chainrule::slowly",
            "chainrule::classes",
            "chainrule::hash",
            "chainrule::scalar",
            "chainrule::scalars",
            "chainrule::store",
        ],
        &[],
    ),
    ("dense", &["chainrule::dense"], &[]),
    ("elementwise", &["chainrule::elementwise", "chainrule::broadcast", "chainrule::circle"], &[]),
    (
        "kernels",
        &[
            "chainrule::kernels",
            "chainrule::conv",
            "chainrule::pool",
            "chainrule::window",
            "chainrule::recurrent",
            "chainrule::layer_norm",
            "chainrule::dropout",
            "chainrule::softmax",
            "chainrule::loss",
            "chainrule::reduce",
        ],
        &[],
    ),
    ("training", &["chainrule::training", "chainrule::optimiser", "chainrule::schedule", "chainrule::step"], &[]),
    (
        "circuit and plan",
        &[
            "chainrule::circuit",
            "chainrule::check",
            "chainrule::build",
            "chainrule::gate",
            "chainrule::op",
            "chainrule::shape",
            "chainrule::plan",
        ],
        &[],
    ),
    ("keep", &["chainrule::keep", "chainrule::link::keeping"], &[]),
    (
        "link",
        &["chainrule::link", "chainrule::error", "chainrule::crc", "postcard", "serde_core", "cobs", "crc", "heapless"],
        &[],
    ),
    ("libm", &["libm"], &[]),
    ("language", &["core", "compiler_builtins"], &["__aeabi", "mem", "OUTLINED_FUNCTION"]),
    (
        "board",
        &["chainrule_firmware", "mps2_an386", "cortex_m", "cortex_m_rt", "embedded_io", "defmt"],
        &["Reset", "main", "_defmt", "Default", "HardFault", "__pre_init", "__cortex", "__delay", "__primask", "__cps"],
    ),
];

/// A path as it stands in a mangled name: `chainrule::op` is `9chainrule2op`.
fn mangled(path: &str) -> String {
    path.split("::").map(|name| format!("{}{name}", name.len())).collect()
}

/// The part that a function belongs to: that of the first path in its name, which is the place of the
/// function itself or of the `impl` around it.
fn part(name: &str) -> Option<&'static str> {
    let found = PARTS.iter().flat_map(|&(part, paths, names)| {
        let paths = paths.iter().filter_map(move |path| Some((name.find(&mangled(path))?, part)));
        paths.chain(names.iter().filter(|start| name.starts_with(**start)).map(move |_| (0, part)))
    });
    found.min_by_key(|&(at, _)| at).map(|(_, part)| part)
}

#[test]
fn flash_by_module_is_what_the_budgets_say() {
    let mut broken = Broken::default();
    assert!(!modules().is_empty());
    for (name, budget) in modules() {
        let board = BOARDS.iter().find(|board| board.name == name).unwrap();
        let image = Image::of(board).build(&mut |_| ()).unwrap();
        let data = fs::read(&image).unwrap();
        let file = object::File::parse(&*data).unwrap();
        let text = file.section_by_name(".text").unwrap();
        let functions = file.symbols().filter(|symbol| symbol.section_index() == Some(text.index()));
        // Two names of one function count once.
        let functions: BTreeMap<u64, (u64, &str)> = functions
            .filter(|symbol| symbol.size() > 0)
            .map(|symbol| (symbol.address(), (symbol.size(), symbol.name().unwrap())))
            .collect();
        let mut bytes: BTreeMap<&str, u64> = PARTS.iter().map(|&(part, ..)| (part, 0)).collect();
        for (size, name) in functions.values() {
            *bytes.entry(part(name).unwrap_or("other")).or_default() += size;
        }
        let flash = self::bytes(board, &image).flash;
        bytes.insert("tables", flash - text.size());
        // Whatever has no name: padding, and what the linker puts in between.
        let named: u64 = bytes.values().sum();
        *bytes.entry("other").or_default() += flash - named;
        assert!(bytes.keys().eq(budget.keys()), "{name}: {:?}, and the file has {:?}", bytes.keys(), budget.keys());
        for (part, had) in bytes {
            broken.unless_holds(&format!("{name}, {part}"), had, budget[part]);
        }
        println!("{name}: {flash} bytes in all");
    }
    assert!(broken.0.is_empty(), "{:#?}", broken.0);
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
const MOST_PAINT: u64 = 1 << 13;
/// Bytes that the debugger writes or reads at once.
const CHUNK: usize = 1024;

/// A debugger at the emulated processor, by GDB's remote protocol.
struct Debugger(BufReader<UnixStream>);

impl Debugger {
    /// Halts the processor.
    fn attach(socket: &str) -> Debugger {
        // The emulator makes the socket when it starts.
        let mut tries = (0..100).map(|_| UnixStream::connect(socket).inspect_err(|_| sleep(Duration::from_millis(50))));
        Debugger(BufReader::new(tries.find_map(Result::ok).unwrap()))
    }

    fn ask(&mut self, packet: &str) -> String {
        let sum = packet.bytes().fold(0u8, u8::wrapping_add);
        self.0.get_mut().write_all(format!("${packet}#{sum:02x}").as_bytes()).unwrap();
        let mut answer = Vec::new();
        self.0.read_until(b'#', &mut answer).unwrap();
        self.0.read_exact(&mut [0; 2]).unwrap();
        self.0.get_mut().write_all(b"+").unwrap();
        let answer = String::from_utf8(answer).unwrap();
        answer.trim_start_matches('+').trim_start_matches('$').trim_end_matches('#').to_owned()
    }

    fn paint(&mut self, from: u64, to: u64) {
        for at in (from..to).step_by(CHUNK) {
            let length = CHUNK.min((to - at) as usize);
            let paint = format!("{PAINT:02x}").repeat(length);
            assert_eq!(self.ask(&format!("M{at:x},{length:x}:{paint}")), "OK");
        }
    }

    /// How many bytes from `from` on still are as painted.
    fn painted(&mut self, from: u64, to: u64) -> u64 {
        let paint = format!("{PAINT:02x}");
        let mut read = (from..to).step_by(CHUNK).flat_map(|at| {
            let read = self.ask(&format!("m{at:x},{:x}", CHUNK.min((to - at) as usize)));
            read.as_bytes().chunks(2).map(|byte| byte == paint.as_bytes()).collect::<Vec<_>>()
        });
        read.position(|as_painted| !as_painted).map_or(to - from, |at| at as u64)
    }

    /// Lets the processor go.
    fn detach(mut self) {
        assert_eq!(self.ask("D"), "OK");
    }
}

/// A full batch with a cosine's rate, and one that is not full.
fn train(method: Method<f32>, batch: u32, engine: &mut dyn Engine<f32>) {
    let mut optimiser = Optimiser::new(method, 0.1);
    optimiser.schedule = Schedule::Cosine { steps: 10, floor: 0.0 };
    engine.train(Training::new(optimiser, batch)).unwrap();
    engine.run(Work::Train, &[0, 0, 0], &mut |_| ()).unwrap();
    engine.end_batch().unwrap();
}

/// Does everything that a board can do, and asks the board what it has room for.
fn work(port: &mut Port, view: CircuitRef<'_, f32>, board: &Board) {
    let mut saves = 0;
    for purpose in [Purpose::Inspect, Purpose::Accumulate, Purpose::Moments(2), Purpose::Train, Purpose::Infer] {
        // A batch's sums and moments do not fit everywhere.
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
        // What a board has learned goes to its flash in the middle of training, and that takes the most stack.
        client.save_every(1).unwrap();
        match purpose {
            Purpose::Inspect => client.backward(view.objective().unwrap().wire()).unwrap(),
            Purpose::Train => train(Method::Sgd, 1, &mut client),
            Purpose::Accumulate => train(Method::Sgd, 2, &mut client),
            Purpose::Moments(_) => train(Method::Adam { beta1: 0.9, beta2: 0.999, eps: 1e-8 }, 2, &mut client),
            Purpose::Infer => drop(client.run(Work::Evaluate, &[0], &mut |_| ()).unwrap()),
        }
        match client.save() {
            Ok(_) => saves += 1,
            // Not all moments go into every flash.
            Err(EngineError::Refused(Refusal::NotKept(NotKept::NoRoom(..)))) => {}
            Err(error) => panic!("{}: {error}", board.name),
        }
        client.params_hash().unwrap();
    }
    assert!(saves > 1, "{}: {saves} saves", board.name);
}

#[test]
fn the_boards_have_the_room_and_the_stack_that_their_budgets_say() {
    let mut circuit = Circuit::new();
    digits(&mut circuit).unwrap();
    let mut broken = Broken::default();
    for board in &BOARDS {
        let image = Image::of(board).build(&mut |_| ()).unwrap();
        let bytes = bytes(board, &image);
        let from = bytes.floor.max(bytes.top - MOST_PAINT);
        let folder = Folder::new(board.name);
        let socket = folder.file("debugger");
        let chardev = format!("socket,id=debugger,path={socket},server=on,wait=off");
        let extra = ["-chardev", &chardev, "-gdb", "chardev:debugger", "-S"];
        let mut port = Port::from(Emulator::start(board, &image, false, &extra).unwrap());
        let mut debugger = Debugger::attach(&socket);
        debugger.paint(from, bytes.top);
        debugger.detach();
        work(&mut port, circuit.view(), board);
        let painted = Debugger::attach(&socket).painted(from, bytes.top);
        assert!(painted > 0, "{}: no paint is left below the stack", board.name);
        let deep = bytes.top - from - painted;
        broken.unless_holds(&format!("stack of {}", board.name), deep, board.budget().unwrap().stack);
    }
    assert!(broken.0.is_empty(), "{:#?}", broken.0);
}
