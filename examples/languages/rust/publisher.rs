//! Publishes each line of standard input to a named pipe.
//!
//!     rustc publisher.rs && ./publisher /tmp/mypipe

use std::fs::{File, OpenOptions};
use std::io::{stdin, BufRead, Error, ErrorKind, Result, Write};

fn main() -> Result<()> {
    let usage = Error::new(ErrorKind::InvalidInput, "usage: publisher PIPE");
    let path = std::env::args().nth(1).ok_or(usage)?;
    let mut pipe = open(&path)?;
    for line in stdin().lock().split(b'\n') {
        let mut message = line?;
        message.push(b'\n');
        // The message and its line feed in one write(2): up to 4096 bytes no
        // other publisher can get in between.
        while let Err(error) = pipe.write_all(&message) {
            if error.kind() != ErrorKind::BrokenPipe {
                return Err(error);
            }
            // EPIPE: the reader has left, and the message is not in the pipe.
            // It waits for the next reader.
            pipe = open(&path)?;
        }
    }
    Ok(())
}

/// Waits for a reader. The pipe stays open between messages.
fn open(path: &str) -> Result<File> {
    OpenOptions::new().write(true).open(path)
}
