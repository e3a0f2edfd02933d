//! Images: a board's firmware, built when it is needed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

use super::{Board, BoardError};

/// One build of the firmware.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Image {
    /// The board it is for.
    pub board: &'static Board,
    /// Whether it computes in f64; otherwise in f32.
    pub f64: bool,
    /// Where its log goes.
    pub log: Log,
    /// Whether it keeps what was learned in flash.
    pub keeps: bool,
}

/// Where an image's log goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Log {
    /// Over the link.
    Link,
    /// To the emulator's standard output too. Such an image hangs on a real board.
    Semihosting,
    /// To a debug probe too, through a buffer in RAM. Not yet seen on a real board.
    Rtt,
}

/// The way to a program for a processor that is not the host's.
enum Compiler {
    /// rustup has the target's core library.
    Rustup,
    /// Debian's pair of compiler and cargo builds the core library first; the linker is in
    /// this folder of rustup's compiler.
    Debian { linker: PathBuf },
}

/// What has been built by this process: cargo is asked once for each image.
static BUILT: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

impl Image {
    /// The image of a board in f32 that keeps what was learned, whose log goes over the link.
    pub fn of(board: &'static Board) -> Self {
        Image { board, f64: false, log: Log::Link, keeps: true }
    }

    /// A name that tells this image from the others.
    pub fn name(&self) -> String {
        let scalar = if self.f64 { "-f64" } else { "" };
        let log = match self.log {
            Log::Link => "",
            Log::Semihosting => "-log",
            Log::Rtt => "-rtt",
        };
        let keep = if self.keeps { "" } else { "-no-keep" };
        format!("{}{scalar}{log}{keep}", self.board.name)
    }

    /// Where the image is, once it is built.
    ///
    /// # Errors
    /// [`BoardError::NoFirmware`].
    pub fn path(&self) -> Result<PathBuf, BoardError> {
        Ok(firmware_folder()?.join("target/images").join(self.name()))
    }

    /// Builds the image unless that is done; `progress` is given each line the compiler says.
    ///
    /// # Errors
    /// [`BoardError::NoFirmware`], [`BoardError::NoCompiler`] and [`BoardError::Build`].
    pub fn build(&self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, BoardError> {
        let path = self.path()?;
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        if built.contains(&self.name()) && path.exists() {
            return Ok(path);
        }
        self.make(&path, "", progress)?;
        built.insert(self.name());
        Ok(path)
    }

    /// Builds the image once more, with a panic handler that does not link: what is left of it
    /// after optimising can then not panic. Where that image is; it runs like the other.
    ///
    /// # Errors
    /// As [`Image::build`]; [`BoardError::Build`] when it can panic.
    pub fn prove(&self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, BoardError> {
        let path = self.path()?.with_file_name(format!("{}-check", self.name()));
        self.make(&path, ",panic-check", progress)?;
        Ok(path)
    }

    /// Builds the image once more, one that panics, hangs or faults when its line tells it to. Where
    /// that image is.
    ///
    /// # Errors
    /// As [`Image::build`].
    pub fn misbehaving(&self, progress: &mut dyn FnMut(&str)) -> Result<PathBuf, BoardError> {
        let path = self.path()?.with_file_name(format!("{}-misbehaving", self.name()));
        self.make(&path, ",misbehave", progress)?;
        Ok(path)
    }

    /// Cargo names a program by its board alone. All kinds are built in one folder, so that they
    /// share what they depend on; one at a time, and each is then put where no other is.
    fn make(&self, path: &Path, feature: &str, progress: &mut dyn FnMut(&str)) -> Result<(), BoardError> {
        let failed = |error: io::Error| BoardError::Build { image: self.name(), said: error.to_string() };
        let (board, target) = (self.board, firmware_folder()?.join("target"));
        fs::create_dir_all(target.join("images")).map_err(failed)?;
        let lock = File::create(target.join("images/lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;

        let folder = target.join("boards");
        let mut command = cargo(board.target)?;
        command.args(["build", "--locked", "--release", "--no-default-features", "--bin", board.name]);
        command.arg("--features").arg(self.features() + feature).arg("--target-dir").arg(&folder);
        run(command, &self.name(), progress)?;

        let program = folder.join(board.target).join("release").join(board.name);
        let fresh = path.with_extension("new");
        fs::copy(program, &fresh).and_then(|_| fs::rename(&fresh, path)).map_err(failed)
    }

    fn features(&self) -> String {
        let mut features = self.board.name.to_owned();
        if self.keeps {
            features.push_str(",keep");
        }
        if self.f64 {
            features.push_str(",f64");
        }
        features.push_str(match self.log {
            Log::Link => "",
            Log::Semihosting => ",log-semihosting",
            Log::Rtt => ",log-rtt",
        });
        features
    }
}

/// The folder of the firmware's sources: beside this package, or where the environment says.
///
/// # Errors
/// [`BoardError::NoFirmware`].
pub fn firmware_folder() -> Result<PathBuf, BoardError> {
    let folder = std::env::var_os("CHAINRULE_FIRMWARE")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("firmware"), PathBuf::from);
    if folder.join("Cargo.toml").exists() { Ok(folder) } else { Err(BoardError::NoFirmware { folder }) }
}

fn compiler(firmware: &Path, target: &'static str) -> Result<Compiler, BoardError> {
    let said = |program: &str, arguments: &[&str]| {
        let out = clean(program).current_dir(firmware).args(arguments).output().ok()?;
        out.status.success().then(|| String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let installed = said("rustup", &["target", "list", "--installed"]);
    if installed.is_some_and(|targets| targets.lines().any(|line| line == target)) {
        return Ok(Compiler::Rustup);
    }
    let debian = || {
        let library = said("/usr/bin/rustc", &["--print", "sysroot"])?;
        let library = Path::new(library.trim()).join("lib/rustlib/src/rust/library/core");
        if !library.exists() || !Path::new("/usr/bin/cargo").exists() {
            return None;
        }
        let version = said("rustc", &["-vV"])?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "))?;
        let root = said("rustc", &["--print", "sysroot"])?;
        let linker = Path::new(root.trim()).join("lib/rustlib").join(host).join("bin");
        linker.join("rust-lld").exists().then_some(Compiler::Debian { linker })
    };
    debian().ok_or(BoardError::NoCompiler { target })
}

/// A cargo that builds for this target, in the folder of the firmware.
///
/// # Errors
/// [`BoardError::NoFirmware`] and [`BoardError::NoCompiler`].
pub fn cargo(target: &'static str) -> Result<Command, BoardError> {
    let firmware = firmware_folder()?;
    let mut command = match compiler(&firmware, target)? {
        Compiler::Rustup => {
            let mut command = clean("cargo");
            command.env("CARGO_BUILD_TARGET", target);
            command
        }
        Compiler::Debian { linker } => {
            let mut path = linker.as_os_str().to_owned();
            path.push(":");
            path.push(std::env::var_os("PATH").unwrap_or_default());
            let mut command = clean("/usr/bin/cargo");
            command.env("PATH", path).env("RUSTC", "/usr/bin/rustc").env("RUSTC_BOOTSTRAP", "1");
            command.arg("-Zbuild-std=core");
            match without_frame_pointers(&firmware, target) {
                Some(target) => command.arg("-Zjson-target-spec").env("CARGO_BUILD_TARGET", target),
                None => command.env("CARGO_BUILD_TARGET", target),
            };
            command
        }
    };
    command.current_dir(firmware);
    Ok(command)
}

/// Whether images for this target have frame pointers, as those by a target that rustup installed.
pub fn has_frame_pointers(target: &'static str) -> bool {
    let framed = |firmware: PathBuf| match compiler(&firmware, target)? {
        Compiler::Rustup => Ok(true),
        Compiler::Debian { .. } => Ok(without_frame_pointers(&firmware, target).is_none()),
    };
    firmware_folder().and_then(framed).unwrap_or(false)
}

/// The same target without frame pointers, as a file: on Cortex-M every function else keeps one, which takes 3 %
/// of the flash and of the instructions of small networks. Debuggers find their way by the debug
/// information. Only where the core library is built too, since a finished one is for the other target.
fn without_frame_pointers(firmware: &Path, target: &str) -> Option<PathBuf> {
    let said = |command: &mut Command| {
        let out = command.env("RUSTC_BOOTSTRAP", "1").output().ok().filter(|out| out.status.success())?;
        String::from_utf8(out.stdout).ok()
    };
    // Cargos that do not know the flag read such files without it, but none of them was seen.
    let flags = said(clean("/usr/bin/cargo").args(["-Z", "help"]))?;
    if !flags.contains("json-target-spec") {
        return None;
    }
    let print = ["-Z", "unstable-options", "--print", "target-spec-json", "--target", target];
    let mut spec: serde_json::Value = serde_json::from_str(&said(clean("/usr/bin/rustc").args(print))?).ok()?;
    *spec.get_mut("frame-pointer")? = "may-omit".into();
    let (folder, text) = (firmware.join("target/specs"), spec.to_string());
    let path = folder.join(format!("{target}.json"));
    if fs::read_to_string(&path).is_ok_and(|is| is == text) {
        return Some(path);
    }
    // Several builds may come here at once.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let fresh = folder.join(format!("{target}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir_all(&folder).and_then(|()| fs::write(&fresh, text)).and_then(|()| fs::rename(&fresh, &path)).ok()?;
    Some(path)
}

/// What cargo and the host's build put into the environment; none of it holds for a board.
const MEDDLERS: [&str; 11] = [
    "CARGO_BUILD_",
    "CARGO_ENCODED_",
    "CARGO_INCREMENTAL",
    "CARGO_MAKEFLAGS",
    "CARGO_PROFILE_",
    "CARGO_TARGET_",
    "DEFMT_LOG",
    "LD_LIBRARY_PATH",
    "RUSTC",
    "RUSTFLAGS",
    "RUSTUP_TOOLCHAIN",
];

/// A program in the environment that the user's shell would give it.
fn clean(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if MEDDLERS.iter().any(|start| text.starts_with(start)) {
            command.env_remove(&name);
        }
    }
    command
}

fn run(mut command: Command, image: &str, progress: &mut dyn FnMut(&str)) -> Result<(), BoardError> {
    let failed = |said: String| BoardError::Build { image: image.to_owned(), said };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    let mut said = Vec::new();
    if let Some(lines) = child.stderr.take() {
        for line in BufReader::new(lines).lines().map_while(Result::ok) {
            progress(line.trim());
            said.push(line);
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(failed(said.split_off(said.len().saturating_sub(30)).join("\n"))),
    }
}
