use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::sync_dir;
use super::{RunDir, StoreError, UnitId};

impl RunDir {
    /// Makes way for another try at a repeat that was cut off: what it left becomes `<cell>.<repeat>~<n>`, with the
    /// first free `n` from 1, where it stands; no reader takes it for the repeat's own.
    pub fn set_aside(&self, unit: &UnitId) -> Result<(), StoreError> {
        for path in [self.partial_path(unit), self.responses_path(unit), self.debug_path(unit), self.server_path(unit)]
        {
            if path.try_exists().map_err(StoreError::io("look for", &path))? {
                let aside = free_name(&path, unit)?;
                fs::rename(&path, &aside).map_err(StoreError::io("rename", &path))?;
                path.parent().map_or(Ok(()), sync_dir)?;
            }
        }
        Ok(())
    }
}

fn free_name(path: &Path, unit: &UnitId) -> Result<PathBuf, StoreError> {
    let extension = path.extension().map(|text| text.to_string_lossy()).unwrap_or_default();
    let name = |number: u32| path.with_file_name(format!("{unit}~{number}.{extension}"));
    let free = (1..u32::MAX).map(name).find(|name| !name.exists());
    free.ok_or_else(|| StoreError::io("rename", path)(io::Error::from(io::ErrorKind::AlreadyExists)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::CellId;

    #[test]
    fn what_a_cut_off_repeat_left_keeps_its_place_under_another_name_each_time() {
        let out = tempfile::tempdir().unwrap();
        let run = RunDir::create(out.path(), "s", 0, 0).unwrap();
        let unit = UnitId::new(CellId::new("a.b"), 2);
        run.set_aside(&unit).unwrap();
        for _ in 0..2 {
            for name in ["partial/a.b.2.parquet", "responses/a.b.2.jsonl", "server/a.b.2.parquet"] {
                run.write(name, b"x").unwrap();
            }
            run.set_aside(&unit).unwrap();
        }
        for name in
            ["partial/a.b.2~1.parquet", "partial/a.b.2~2.parquet", "responses/a.b.2~2.jsonl", "server/a.b.2~1.parquet"]
        {
            assert!(run.file(name).is_file(), "{name}");
        }
        assert!(!run.partial_path(&unit).exists() && !run.responses_path(&unit).exists());
        assert_eq!(UnitId::of_file(Path::new("partial/a.b.2~1.parquet"), "parquet"), None);
    }
}
