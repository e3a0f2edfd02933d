//! A folder of a test's own, gone at its end.

use std::fs;
use std::path::PathBuf;

/// The folder.
pub struct Folder(PathBuf);

impl Folder {
    /// A folder that bears this name and the process's number.
    pub fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("chainrule-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Folder(folder)
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
