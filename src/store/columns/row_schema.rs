use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::axes::{AxisType, KNOWN, VarType};
use super::column::{Column, Row};
use super::fixed::{AFTER_AXES, BEFORE_AXES};
use crate::plan::Plan;
use crate::scenario::AxisName;
use crate::store::StoreError;

/// The columns of a run's rows, the same for all of its cells: those that every run has, and those of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowSchema {
    /// One for each axis of `vars`, by name.
    pub vars: Vec<VarColumn>,
    /// One for each extra server metric, as `server_queue_ms`; in order.
    pub server: Vec<String>,
}

/// The column of an axis of `vars`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VarColumn {
    /// The axis.
    pub name: String,
    /// The type that holds all of its values in the plan.
    pub kind: VarType,
}

/// A column of any sort, in its place.
enum Slot<'s> {
    Fixed(&'static Column),
    Axis { name: &'s str, axis: &'s str, kind: AxisType },
    Server(&'s str),
}

impl RowSchema {
    /// The columns of a plan's rows, with those of extra server metrics, which are given by column name.
    ///
    /// Take the whole plan, whatever part of it is carried out, so that files of one scenario agree.
    /// [`StoreError::DuplicateColumn`] when an axis of `vars` or a metric takes another column's name.
    pub fn of(plan: &Plan, server: impl IntoIterator<Item = String>) -> Result<Self, StoreError> {
        let mut vars: BTreeMap<&str, VarType> = BTreeMap::new();
        for (axis, value) in plan.cells.iter().flat_map(|cell| &cell.axes) {
            if let AxisName::Var(name) = axis {
                let kind = VarType::of(value);
                vars.entry(name).and_modify(|known| *known = known.or(kind)).or_insert(kind);
            }
        }
        let vars = vars.into_iter().map(|(name, kind)| VarColumn { name: name.to_owned(), kind }).collect();
        let server: BTreeSet<String> = server.into_iter().collect();
        let schema = Self { vars, server: server.into_iter().collect() };
        let mut seen = BTreeSet::new();
        // SQL does not tell upper from lower case.
        if let Some((twice, _)) = schema.columns().find(|(name, _)| !seen.insert(name.to_ascii_lowercase())) {
            return Err(StoreError::DuplicateColumn { name: twice.to_owned() });
        }
        Ok(schema)
    }

    /// Every column's name and type, in the order of the file; types in the words of `docs/FORMAT.md`.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.slots().map(|slot| match slot {
            Slot::Fixed(column) => (column.name, column.type_name()),
            Slot::Axis { name, kind, .. } => (name, kind.name()),
            Slot::Server(name) => (name, "double"),
        })
    }

    fn slots(&self) -> impl Iterator<Item = Slot<'_>> {
        let known = KNOWN.iter().map(|(name, axis, kind)| Slot::Axis { name, axis, kind: *kind });
        let vars = self.vars.iter().map(|var| Slot::Axis { name: &var.name, axis: &var.name, kind: var.kind.column() });
        let server = self.server.iter().map(|name| Slot::Server(name));
        let fixed = |columns: &'static [Column]| columns.iter().map(Slot::Fixed);
        fixed(&BEFORE_AXES).chain(known).chain(vars).chain(fixed(&AFTER_AXES)).chain(server)
    }

    /// The facts of a row, in the order in which they are read back.
    pub(in crate::store) fn facts() -> impl Iterator<Item = &'static Column> {
        super::fixed_columns().filter(|column| column.is_fact())
    }

    pub(in crate::store) fn arrow(&self) -> SchemaRef {
        Arc::new(Schema::new(self.slots().map(|slot| slot.field()).collect::<Vec<_>>()))
    }

    /// Rows of one cell as Arrow's arrays; `axes` are the cell's values.
    pub(in crate::store) fn batch(
        &self,
        schema: SchemaRef,
        axes: &Map<String, Value>,
        rows: &[Row<'_>],
    ) -> Result<RecordBatch, ArrowError> {
        let arrays: Result<Vec<_>, _> = self.slots().map(|slot| slot.array(axes, rows)).collect();
        RecordBatch::try_new(schema, arrays?)
    }

    /// Refuses a row with a server metric that has no column: it would be lost.
    pub(in crate::store) fn check_extra(&self, row: &Row<'_>, path: &Path) -> Result<(), StoreError> {
        match row.record.server.extra.keys().find(|name| !self.server.contains(name)) {
            Some(name) => Err(StoreError::UnknownColumn { name: name.clone(), path: path.to_owned() }),
            None => Ok(()),
        }
    }
}

impl Slot<'_> {
    fn field(&self) -> Field {
        match self {
            Self::Fixed(column) => Field::new(column.name, column.data_type(), !column.required),
            Self::Axis { name, kind, .. } => Field::new(*name, kind.data_type(), true),
            Self::Server(name) => Field::new(*name, DataType::Float64, true),
        }
    }

    fn array(&self, axes: &Map<String, Value>, rows: &[Row<'_>]) -> Result<ArrayRef, ArrowError> {
        match self {
            Self::Fixed(column) => column.array(rows),
            Self::Axis { axis, kind, .. } => Ok(kind.array(axes, axis, rows.len())),
            Self::Server(name) => {
                let values = rows.iter().map(|row| row.record.server.extra.get(*name).copied());
                Ok(Arc::new(values.collect::<Float64Array>()))
            }
        }
    }
}
