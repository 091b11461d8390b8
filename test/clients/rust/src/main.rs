//! OpenDAL's GitHub Actions cache service, one operation a run. The environment is the job's own. Prints one line of
//! JSON: what came of it, with OpenDAL's own kind of error where it failed.

use std::env::args;
use std::fs;

use opendal::services::Ghac;
use opendal::{Operator, Result};

/// A version that v1 takes too: there OpenDAL sends it as it is, in v2 its SHA-256.
const VERSION: &str = "0123abcd";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    opendal_http_transport_reqwest::install_default();
    let words: Vec<String> = args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match perform(&words).await {
        Ok(bytes) => println!(r#"{{"ok":true,"bytes":{bytes}}}"#),
        Err(error) => {
            eprintln!("{error:?}");
            println!(r#"{{"ok":false,"kind":"{}"}}"#, error.kind());
        }
    }
}

/// Answers the size of what was read, written or found.
async fn perform(words: &[&str]) -> Result<u64> {
    let cache = Operator::new(Ghac::default().version(VERSION))?;
    match words {
        ["write", key, file, chunk, concurrent] => {
            let bytes = fs::read(file).expect("the file is there");
            let size = bytes.len() as u64;
            cache
                .write_with(key, bytes)
                .chunk(number(chunk))
                .concurrent(number(concurrent))
                .await?;
            Ok(size)
        }
        ["read", key, file] => keep(file, cache.read(key).await?.to_vec()),
        ["read", key, file, start, end] => {
            let range = number(start) as u64..number(end) as u64;
            keep(file, cache.read_with(key).range(range).await?.to_vec())
        }
        ["stat", key] => Ok(cache.stat(key).await?.content_length()),
        ["list"] => Ok(cache.list("/").await?.len() as u64),
        ["delete", key] => cache.delete(key).await.map(|()| 0),
        _ => panic!("write KEY FILE CHUNK CONCURRENT | read KEY FILE [START END] | stat KEY | list | delete KEY"),
    }
}

fn keep(file: &str, bytes: Vec<u8>) -> Result<u64> {
    fs::write(file, &bytes).expect("the file can be written");
    Ok(bytes.len() as u64)
}

fn number(word: &str) -> usize {
    word.parse().expect("a whole number")
}
