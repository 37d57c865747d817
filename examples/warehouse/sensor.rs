//! A thermometer: prints a temperature in °C, again and again.
//!
//!     sensor BASE SECONDS [COUNT] | pub -l warehouse/a3/temperature

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::thread::sleep;
use std::time::Duration;

fn main() {
    let args: Vec<f64> = std::env::args().skip(1).flat_map(|it| it.parse()).collect();
    let (base, seconds, count) = match args[..] {
        [base, seconds] => (base, seconds, f64::INFINITY),
        [base, seconds, count] => (base, seconds, count),
        _ => {
            eprintln!("usage: sensor BASE SECONDS [COUNT]");
            std::process::exit(2);
        }
    };
    let mut celsius = base;
    let mut sent = 0.0;
    while sent < count {
        celsius += (base - celsius) / 10.0 + (random() - 0.5) / 2.0;
        println!("{celsius:.1}");
        sleep(Duration::from_secs_f64(seconds));
        sent += 1.0;
    }
}

/// From 0 to 1: the standard library has no generator, but random hash keys.
fn random() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}
