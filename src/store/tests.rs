//! Rows from a journal to Parquet and back; runs that were cut off.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::samples::{ORIGIN, any_record, header, record, shifted};
use super::*;
use crate::plan::{CellDigest, CellId};
use crate::record::{Phase, RequestRecord};

fn journal(path: &Path, records: impl IntoIterator<Item = RequestRecord>) -> JournalWriter {
    let journal = JournalWriter::spawn(path, header()).unwrap();
    records.into_iter().for_each(|record| journal.add(0, move || record));
    journal
}

fn read(path: &Path) -> Vec<RequestRecord> {
    read_records(path).unwrap().map(Result::unwrap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_come_back_from_parquet_as_they_were_but_for_the_origin(
        records in proptest::collection::vec(any_record(), 0..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("requests/a.0.parquet");
        let rows = write_records(&target, &header(), ORIGIN, records.iter().cloned().map(Ok)).unwrap();
        prop_assert_eq!(rows, records.len() as u64);
        let back: Vec<_> = read(&target).into_iter().map(|record| shifted(record, ORIGIN.monotonic_ns)).collect();
        prop_assert_eq!(back, records);
    }

    #[test]
    fn rows_come_back_from_a_journal_as_they_were(records in proptest::collection::vec(any_record(), 0..6)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.0.jsonl");
        journal(&path, records.clone()).finish().unwrap();
        let back: Vec<_> = JournalReader::open(&path).unwrap().unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(back, records);
    }
}

#[test]
fn a_journal_becomes_a_file_with_all_rows_and_goes() {
    let dir = tempfile::tempdir().unwrap();
    let (path, target) = (dir.path().join("partial/a.0.jsonl"), dir.path().join("requests/a.0.parquet"));
    // More rows than one batch holds.
    assert_eq!(journal(&path, (0..5000).map(record)).finish().unwrap(), 5000);
    assert_eq!(compact(&path, &target, Some(ORIGIN)).unwrap(), Compacted { rows: 5000, origin: ORIGIN });
    assert!(!path.exists());
    assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
    let file = RecordFile::open(&target).unwrap();
    assert_eq!((file.rows(), file.origin(), file.header()), (5000, ORIGIN, &header()));
    let rows = read(&target);
    assert!(rows.iter().zip(0..).all(|(row, index)| row.request_index == index) && rows.len() == 5000);
    assert_eq!(rows[3], shifted(record(3), -ORIGIN.monotonic_ns));
}

#[test]
fn warm_up_is_negative_and_metrics_are_derived_again_alike() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.0.parquet");
    let warm = RequestRecord { phase: Phase::Warmup, ..shifted(record(0), -700_000_000) };
    write_records(&target, &header(), ORIGIN, [Ok(warm.clone()), Ok(record(1))].into_iter()).unwrap();
    let rows = read(&target);
    assert_eq!(rows[0].stamps.sent_ns, Some(-700_000_000 + 500));
    assert_eq!(crate::metrics::derive(&rows[0]), crate::metrics::derive(&warm));
}

#[test]
fn a_row_that_would_lose_a_server_metric_is_refused_and_nothing_is_left() {
    let dir = tempfile::tempdir().unwrap();
    let target = dir.path().join("a.0.parquet");
    let mut odd = record(0);
    odd.server.extra.insert("server_odd".into(), 1.0);
    let error = write_records(&target, &header(), ORIGIN, std::iter::once(Ok(odd))).unwrap_err();
    assert!(matches!(&error, StoreError::UnknownColumn { name, .. } if name == "server_odd"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_file_that_is_no_parquet_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.0.parquet");
    fs::write(&path, "PAR1 not really").unwrap();
    let message = RecordFile::open(&path).err().unwrap().to_string();
    assert!(message.contains("a.0.parquet cannot be read"), "{message}");
}

/// A run of one cell with four repeats, all of them under way.
fn run(out: &Path) -> RunDir {
    let dir = RunDir::create(out, "s", 0, 0).unwrap();
    Manifest { state: RunState::Running, pid: Some(std::process::id()), ..Manifest::default() }.write(&dir).unwrap();
    let repeats = (0..4).map(|repeat| PlannedRepeat {
        state: if repeat == 3 { RepeatState::Pending } else { RepeatState::Running },
        ..PlannedRepeat::pending(repeat)
    });
    let cell = PlannedCell {
        cell_id: header().cell_id,
        axes: header().axes,
        requests: Some(3),
        digest: CellDigest("d".into()),
        parts: None,
        probe: None,
        unverified: false,
        repeats: repeats.collect(),
    };
    PlanFile { format_version: FORMAT_VERSION, parts: Vec::new(), searches: Vec::new(), cells: vec![cell] }
        .write(&dir)
        .unwrap();
    dir
}

fn unit(repeat: u32) -> UnitId {
    UnitId::new(header().cell_id, repeat)
}

fn names(units: &[StoredUnit]) -> Vec<u32> {
    units.iter().map(|stored| stored.unit.repeat).collect()
}

#[test]
fn a_run_that_was_killed_is_recovered_and_its_rows_are_kept_apart() {
    let out = tempfile::tempdir().unwrap();
    let dir = run(out.path());
    // Repeat 0: killed after its file was whole, before its journal went. 1: under way. 2: only just begun.
    let rows = (0..3).map(|index| Ok(record(index)));
    write_records(&dir.requests_path(&unit(0)), &header(), ORIGIN, rows).unwrap();
    journal(&dir.journal_path(&unit(0)), (0..3).map(record)).finish().unwrap();
    journal(&dir.journal_path(&unit(1)), (0..2).map(record)).finish().unwrap();
    fs::write(dir.journal_path(&unit(2)), "{\"header\":{\"for").unwrap();
    fs::write(dir.requests_dir().join(".writing-abc"), "half").unwrap();
    let path = dir.path().to_owned();

    let mut watched = StoredRun::open(RunDir::open(&path).unwrap()).unwrap();
    assert!(watched.is_running());
    assert_eq!(watched.recover().unwrap(), Recovery::default(), "its process is there");
    assert_eq!((names(&watched.complete), names(&watched.journals)), (vec![0], vec![0, 1, 2]));
    assert!(dir.requests_dir().join(".writing-abc").exists());
    drop(dir);

    let mut stored = StoredRun::open(RunDir::open(&path).unwrap()).unwrap();
    let recovery = stored.recover().unwrap();
    assert_eq!(recovery, Recovery { changed: true, saved: vec![unit(1)], rows: 2, damaged: vec![] });
    assert_eq!(stored.recover().unwrap(), Recovery::default(), "once is enough");
    assert_eq!((names(&stored.complete), names(&stored.partial), names(&stored.journals)), (vec![0], vec![1], vec![]));
    assert_eq!(read(&stored.partial[0].path).len(), 2);
    assert_eq!(stored.partial[0].open().unwrap().origin().monotonic_ns, ORIGIN.monotonic_ns, "its first due time");
    assert!(!stored.dir.requests_dir().join(".writing-abc").exists());
    let again = StoredRun::open(stored.dir.clone()).unwrap();
    let states: Vec<_> = again.plan.repeats().map(|(_, repeat)| repeat.state).collect();
    assert_eq!(
        states,
        [RepeatState::Complete, RepeatState::Interrupted, RepeatState::Interrupted, RepeatState::Pending]
    );
    assert_eq!(again.manifest.state, RunState::Interrupted);
}

#[test]
fn a_journal_with_broken_lines_gives_its_other_rows_and_is_kept() {
    let out = tempfile::tempdir().unwrap();
    let dir = run(out.path());
    for repeat in 0..3 {
        journal(&dir.journal_path(&unit(repeat)), (0..4).map(record)).finish().unwrap();
    }
    // As after a loss of power: a block in the middle, the first block, the last line.
    let damage = |repeat: u32, line: usize, with: &str| {
        let path = dir.journal_path(&unit(repeat));
        let text = fs::read_to_string(&path).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[line] = with;
        fs::write(path, lines.join("\n") + "\n").unwrap();
    };
    damage(0, 2, "\0\0\0\0");
    damage(1, 0, "\0\0\0\0");
    damage(2, 4, "{\"record\":{\"requ");
    let path = dir.path().to_owned();
    drop(dir);
    let mut stored = StoredRun::open(RunDir::open(&path).unwrap()).unwrap();
    let recovery = stored.recover().unwrap();
    assert_eq!((recovery.saved, recovery.rows), (vec![unit(0), unit(2)], 3 + 3));
    let kept: Vec<_> = recovery.damaged.iter().map(|damage| (fs::read(&damage.path).is_ok(), &*damage.why)).collect();
    assert!(kept[0] == (true, "1 of its lines cannot be read; its other rows are saved"), "{kept:?}");
    assert!(kept[1].0 && kept[1].1.contains(":1 cannot be read") && kept.len() == 2, "{kept:?}");
    assert_eq!(read(&stored.partial[0].path).iter().map(|row| row.request_index).collect::<Vec<_>>(), [0, 2, 3]);
    assert!(stored.journals.is_empty() && StoredRun::open(stored.dir).unwrap().journals.is_empty());
}

#[test]
fn files_that_are_cut_off_are_found() {
    let out = tempfile::tempdir().unwrap();
    let dir = run(out.path());
    for repeat in 0..2 {
        write_records(&dir.requests_path(&unit(repeat)), &header(), ORIGIN, (0..9).map(|index| Ok(record(index))))
            .unwrap();
    }
    let stored = StoredRun::open(dir).unwrap();
    assert_eq!(stored.check_files().len(), 0);
    let bytes = fs::read(&stored.complete[1].path).unwrap();
    for length in [0, 4, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&stored.complete[1].path, &bytes[..length]).unwrap();
        let [error] = &stored.check_files()[..] else { panic!("{length}") };
        assert!(error.to_string().contains(".1.parquet cannot be read: "), "{error}");
    }
}

#[test]
fn complete_repeats_stand_in_the_order_of_the_plan() {
    let out = tempfile::tempdir().unwrap();
    let dir = run(out.path());
    let mut plan = PlanFile::read(&dir).unwrap();
    let mut other = plan.cells[0].clone();
    other.cell_id = CellId::new("a");
    plan.cells.push(other);
    plan.write(&dir).unwrap();
    let first = UnitId::new(CellId::new("a"), 0);
    for unit in [&first, &unit(10), &unit(2), &unit(1)] {
        write_records(&dir.requests_path(unit), &header(), ORIGIN, std::iter::empty()).unwrap();
    }
    let stored = StoredRun::open(dir).unwrap();
    let order: Vec<_> = stored.complete.iter().map(|stored| stored.unit.clone()).collect();
    assert_eq!(order, [unit(1), unit(2), first, unit(10)]);
    assert_eq!(stored.complete.iter().collect::<Vec<_>>().len(), order.iter().collect::<BTreeSet<_>>().len());
}

#[test]
fn columns_that_a_file_of_an_earlier_version_lacks_read_as_null() {
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::file::properties::WriterProperties;

    let dir = tempfile::tempdir().unwrap();
    let (now, earlier) = (dir.path().join("now.parquet"), dir.path().join("earlier.parquet"));
    let mut full = record(1);
    (full.stamps.dial_ns, full.stamps.handshake_ns, full.stamps.connect_ns) = (Some(1), Some(2), Some(3));
    write_records(&now, &header(), ORIGIN, std::iter::once(Ok(full.clone()))).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(fs::File::open(&now).unwrap()).unwrap();
    let footer = reader.metadata().file_metadata().key_value_metadata().cloned();
    let batch = reader.build().unwrap().next().unwrap().unwrap();
    let added = ["dial_ns", "handshake_ns", "connect_ms", "tls_ms"];
    let kept: Vec<usize> =
        (0..batch.num_columns()).filter(|at| !added.contains(&batch.schema().field(*at).name().as_str())).collect();
    assert_eq!(kept.len() + added.len(), batch.num_columns());
    let batch = batch.project(&kept).unwrap();
    let properties = WriterProperties::builder().set_key_value_metadata(footer).build();
    let mut writer =
        ArrowWriter::try_new(fs::File::create(&earlier).unwrap(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let back = read(&earlier).remove(0);
    let stamps = back.stamps;
    assert_eq!((stamps.dial_ns, stamps.handshake_ns), (None, None));
    assert_eq!((stamps.connect_ns.is_some(), stamps.sent_ns.is_some()), (true, full.stamps.sent_ns.is_some()));
    // A journal of then, too.
    let line = serde_json::to_string(&full).unwrap().replace("\"dial_ns\":1,", "").replace("\"handshake_ns\":2,", "");
    assert!(!line.contains("dial_ns") && !line.contains("handshake_ns"), "{line}");
    let back: RequestRecord = serde_json::from_str(&line).unwrap();
    assert_eq!((back.stamps.dial_ns, back.stamps.connect_ns), (None, Some(3)));
}
