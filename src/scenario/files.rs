use std::path::PathBuf;

use super::{AxisValue, Scenario, TokenizerSource};
use crate::units::SizeSpec;

impl Scenario {
    /// The files whose content can change a result, in order of their paths.
    pub fn content_files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = Vec::new();
        files.extend(self.tokenizer_families.clone());
        files.extend(self.prompt.file.clone());
        files.extend(self.prompt.system.clone());
        files.extend(self.prompt.included.iter().map(|included| included.path.clone()));
        files.extend(self.dataset_in_use().map(|dataset| dataset.file.clone()));
        for tls in self.endpoints.iter().map(|endpoint| &endpoint.transport.tls) {
            files.extend([&tls.ca, &tls.client_certificate].into_iter().flatten().cloned());
        }
        for model in self.models.values() {
            if let Some(TokenizerSource::File(path)) = &model.tokenizer {
                files.push(path.clone());
            }
        }
        let blocks = self.matrix.product.iter().chain(&self.matrix.blocks);
        let values = blocks.flat_map(|block| block.axes.values().flatten());
        for value in values.chain(self.matrix.include.iter().flat_map(|cell| cell.axes.iter().map(|(_, value)| value)))
        {
            if let AxisValue::Tokens(SizeSpec::Empirical(file)) = value {
                files.push(file.path().to_owned());
            }
        }
        files.sort();
        files.dedup();
        files
    }

    /// Every file that the scenario was read from or names, also those that are not there.
    pub fn named_files(&self) -> Vec<PathBuf> {
        let mut files = self.content_files();
        files.extend(self.files.iter().chain(&self.prompt.absent).cloned());
        files
    }
}
