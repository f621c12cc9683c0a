#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::*;
use crate::store::write_atomic;
use crate::text::Secrets;

fn remote(store: &Arc<InMemory>) -> Remote {
    remote_at(store, "s3://bench/nightly")
}

fn remote_at(store: &Arc<InMemory>, address: &str) -> Remote {
    let store: Arc<dyn ObjectStore> = Arc::clone(store) as _;
    let address = address.parse().unwrap();
    Remote::with_stores(&address, Arc::clone(&store), store, Secrets::default()).unwrap()
}

/// A run's directory with some small files and one that is sent in pieces.
fn run() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("manifest.json", b"{}".to_vec()),
        ("summary.json", b"{\"cells\": []}".to_vec()),
        ("requests/a.0.parquet", vec![1; 1000]),
        ("responses/a.0.jsonl", (0..20_000_000_u32).map(|byte| byte.to_le_bytes()[1]).collect()),
    ] {
        write_atomic(&dir.path().join(name), &bytes).unwrap();
    }
    dir
}

#[test]
fn what_is_pushed_is_fetched_again_byte_by_byte() {
    let (store, dir) = (Arc::new(InMemory::new()), run());
    let mut there = remote(&store);
    let sent = there.push(dir.path(), "sizes/20261124T1", Stage::Over).unwrap();
    assert_eq!((sent.files, sent.bytes, sent.there), (4, 2 + 13 + 1000 + 20_000_000, 0));
    there.point_latest_at("sizes", "20261124T1").unwrap();
    for path in ["sizes/20261124T1", "sizes/latest"] {
        let copy = tempfile::tempdir().unwrap();
        let from = remote_at(&store, &there.address().join(path).to_string());
        assert_eq!(from.fetch(copy.path(), &|_| true).unwrap(), 4);
        for name in ["manifest.json", "requests/a.0.parquet", "responses/a.0.jsonl"] {
            let read = |dir: &std::path::Path| std::fs::read(dir.join(name)).unwrap();
            assert!(read(copy.path()) == read(dir.path()), "{name}");
        }
        assert_eq!(from.fetch(copy.path(), &|name| !name.contains('/')).unwrap(), 2);
    }
    let nothing = remote_at(&store, "s3://bench/nightly/sizes/other");
    assert!(matches!(nothing.fetch(dir.path(), &|_| true), Err(RemoteError::Missing { .. })));
}

#[test]
fn a_second_push_sends_only_what_is_not_there() {
    let (store, dir) = (Arc::new(InMemory::new()), run());
    remote(&store).push(dir.path(), "s/r", Stage::Over).unwrap();
    // Another process that knows nothing of the first.
    let again = remote(&store).push(dir.path(), "s/r", Stage::Over).unwrap();
    assert_eq!((again.files, again.there), (0, 4));
    // One is gone, one has another content of the same size, one was cut short.
    let there = remote(&store);
    let key = |name: &str| there.key(&format!("s/r/{name}"));
    let put = |name: &str, bytes: Vec<u8>| there.runtime.block_on(there.store.put(&key(name), bytes.into())).unwrap();
    there.runtime.block_on(there.store.delete(&key("summary.json"))).unwrap();
    put("requests/a.0.parquet", vec![2; 1000]);
    put("responses/a.0.jsonl", vec![0; 5]);
    let mended = remote(&store).push(dir.path(), "s/r", Stage::Over).unwrap();
    assert_eq!((mended.files, mended.there), (3, 1));
    let bytes = there.runtime.block_on(async { there.store.get(&key("requests/a.0.parquet")).await?.bytes().await });
    assert_eq!(bytes.unwrap(), vec![1; 1000]);
}

#[test]
fn one_that_pushed_before_asks_only_for_what_changed() {
    let (store, dir) = (Arc::new(InMemory::new()), run());
    let mut mirror = remote(&store);
    mirror.push(dir.path(), "s/r", Stage::Over).unwrap();
    write_atomic(&dir.path().join("summary.json"), b"{\"cells\": [1]}").unwrap();
    write_atomic(&dir.path().join("partial/b.0.jsonl"), b"a journal").unwrap();
    let sent = mirror.push(dir.path(), "s/r", Stage::Over).unwrap();
    assert_eq!((sent.files, sent.bytes, sent.there), (1, 14, 3));
}

#[tokio::test]
async fn a_mirror_sends_the_rest_at_the_end_and_counts_all_of_it() {
    let (store, dir) = (Arc::new(InMemory::new()), run());
    let there = tokio::task::spawn_blocking({
        let store = Arc::clone(&store);
        move || remote(&store)
    });
    let mirror = Mirror::start(there.await.unwrap()).unwrap();
    mirror.look(dir.path().to_owned(), "s/r".to_owned());
    let sent = mirror.finish(dir.path().to_owned(), "s/r".to_owned()).await.unwrap().unwrap();
    assert_eq!(sent.files, 4);
    let latest = store.get(&"nightly/s/latest".into()).await.unwrap().bytes().await.unwrap();
    assert_eq!(latest, "r\n");
}

#[test]
fn settings_make_a_client_of_each_provider_and_wrong_ones_are_told_without_secrets() {
    let settings = |pairs: &[(&str, &str)]| -> RemoteSettings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let open = |address: &str, pairs: &[(&str, &str)]| Remote::open(&address.parse().unwrap(), &settings(pairs));
    open("s3://b", &[("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "s3cret"), ("AWS_REGION", "eu-west-1")])
        .unwrap();
    open("gs://b", &[("GOOGLE_SKIP_SIGNATURE", "true")]).unwrap();
    open("az://b", &[("AZURE_STORAGE_ACCOUNT_NAME", "a"), ("AZURE_STORAGE_ACCOUNT_KEY", "czNjcmV0")]).unwrap();
    let error = open("az://b", &[]).unwrap_err().to_string();
    assert!(error.starts_with("az://b cannot be used: "), "{error}");
    let error = open("gs://b", &[("GOOGLE_SERVICE_ACCOUNT_KEY", "s3cret-that-is-no-json")]).unwrap_err().to_string();
    assert!(!error.contains("s3cret"), "{error}");
}

/// Nobody listens there: told in seconds, with the cause and without the secret.
#[test]
fn a_store_that_is_not_there_is_told() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = RemoteSettings::from(
        [
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "s3cret"),
            ("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{port}")),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let there = Remote::open(&"s3://bench/p".parse().unwrap(), &settings).unwrap();
    let error = there.check().unwrap_err().to_string();
    assert!(error.starts_with("s3://bench/p: ") && error.to_lowercase().contains("refused"), "{error}");
}
