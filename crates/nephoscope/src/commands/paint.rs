//! Colours on a terminal, and none elsewhere or with `NO_COLOR`. They only repeat what the words say.

use console::Style;

/// Whether to use colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colours: bool,
}

impl Paint {
    /// As standard output and the environment want it.
    pub(crate) fn for_stdout() -> Self {
        Self {
            colours: console::colors_enabled(),
        }
    }

    /// Without colours.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self { colours: false }
    }

    /// With colours, wherever it goes.
    #[cfg(test)]
    pub(crate) fn coloured() -> Self {
        Self { colours: true }
    }

    /// A text in the colour of its level.
    pub(crate) fn level(self, level: &str, text: &str) -> String {
        let style = match level {
            "bad" => Style::new().red().bold(),
            "warn" => Style::new().yellow(),
            "busy" => Style::new().cyan(),
            "good" => Style::new().green(),
            _ => Style::new(),
        };
        self.with(&style, text)
    }

    /// A heading.
    pub(crate) fn heading(self, text: &str) -> String {
        self.with(&Style::new().bold(), text)
    }

    /// What is said by the way.
    pub(crate) fn aside(self, text: &str) -> String {
        self.with(&Style::new().dim(), text)
    }

    fn with(self, style: &Style, text: &str) -> String {
        style
            .clone()
            .force_styling(self.colours)
            .apply_to(text)
            .to_string()
    }
}
