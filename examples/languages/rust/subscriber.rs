//! Prints the messages of a named pipe until it hears "exit".
//!
//!     rustc subscriber.rs && ./subscriber /tmp/mypipe

use std::fs::OpenOptions;
use std::io::{stdout, BufRead, BufReader, Error, ErrorKind, Result, Write};
use std::{path::Path, process::Command};

fn main() -> Result<()> {
    let usage = Error::new(ErrorKind::InvalidInput, "usage: subscriber PIPE");
    let path = std::env::args().nth(1).ok_or(usage)?;
    if !Path::new(&path).exists() {
        Command::new("mkfifo")
            .args(["-m", "600", "--", &path])
            .status()?;
    }
    // For reading and writing: it never waits for a publisher, and never sees
    // the end of the file when one leaves, so nothing is lost until the next.
    let pipe = OpenOptions::new().read(true).write(true).open(&path)?;
    for line in BufReader::new(pipe).split(b'\n') {
        let mut message = line?;
        if message == b"exit" {
            break;
        }
        message.push(b'\n');
        let mut output = stdout();
        match output.write_all(&message).and_then(|()| output.flush()) {
            // EPIPE on standard output: whoever read it has left.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(())
}
