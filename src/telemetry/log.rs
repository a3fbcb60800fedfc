//! Log lines on stderr, in UTC, freed of every secret that we know.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{FilterExt as _, LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::{EnvFilter, Registry};

use crate::config::server::{LogConfig, LogFormat};
use crate::domain::Redactor;

/// Somebody else decides about logs already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logging was set up before")]
pub struct AlreadyInstalled;

/// Starts logging: once, at the start of the program.
///
/// # Errors
/// When logging was set up before.
pub fn init(config: &LogConfig, redactor: Redactor) -> Result<(), AlreadyInstalled> {
    let writer = Clean { redactor, target: io::stderr };
    let colours = io::stderr().is_terminal();
    tracing::subscriber::set_global_default(subscriber(config, writer, colours))
        .map_err(|_error| AlreadyInstalled)
}

/// What turns events into lines.
fn subscriber<W>(config: &LogConfig, writer: W, colours: bool) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    // The configuration was judged before; a level that is none after all must not silence us.
    let filter: EnvFilter = config.level.parse().unwrap_or_else(|_error| EnvFilter::new("info"));
    // Whatever the filter leaves out: alarms are written.
    let filter = filter.or(Targets::new().with_target(env!("CARGO_CRATE_NAME"), LevelFilter::ERROR));
    // The layer would tell stderr of a line that cannot be written, and panic where stderr is what failed.
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).log_internal_errors(false);
    match config.format {
        LogFormat::Text => Box::new(Registry::default().with(layer.with_ansi(colours).with_filter(filter))),
        LogFormat::Json => {
            let layer = layer.with_ansi(false).json().flatten_event(true);
            Box::new(Registry::default().with(layer.with_filter(filter)))
        }
    }
}

/// Takes secrets out of each line before it is written.
#[derive(Clone, Debug)]
struct Clean<M> {
    redactor: Redactor,
    target: M,
}

/// One line; the subscriber writes it whole.
struct Line<W: io::Write> {
    redactor: Redactor,
    target: W,
}

impl<'w, M: MakeWriter<'w>> MakeWriter<'w> for Clean<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        Line { redactor: self.redactor.clone(), target: self.target.make_writer() }
    }
}

impl<W: io::Write> io::Write for Line<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // Whoever reads the log may be gone, or its disk full: a line that is lost must not end the bot.
        let _lost = self.target.write_all(&self.redactor.bytes(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _lost = self.target.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Collects what would go to stderr.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, level: &str, say: impl FnOnce()) -> String {
        let paper = Paper::default();
        let target = paper.clone();
        let writer = Clean { redactor: Redactor::new(["hunter2-secret"]), target: move || target.clone() };
        let config = LogConfig { format, level: level.to_owned() };
        tracing::subscriber::with_default(subscriber(&config, writer, false), say);
        let bytes = paper.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_lines_can_be_queried_by_their_dotted_fields() {
        let lines = written(LogFormat::Json, "info", || {
            tracing::info!(delivery.id = "abc", duration_ms = 7, "delivery accepted");
        });
        let line: serde_json::Value = serde_json::from_str(&lines).unwrap();
        assert_eq!(line["delivery.id"], "abc");
        assert_eq!(line["duration_ms"], 7);
        assert_eq!(line["message"], "delivery accepted");
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{lines}");
    }

    #[test]
    fn no_line_holds_a_secret() {
        for format in [LogFormat::Text, LogFormat::Json] {
            let lines = written(format, "info", || {
                tracing::error!(url = "https://x/?token=hunter2-secret", "the token hunter2-secret failed");
            });
            assert!(lines.contains("[redacted]") && !lines.contains("hunter2"), "{lines}");
        }
    }

    #[test]
    fn the_level_decides_what_is_written() {
        let say = || {
            tracing::info!("quiet");
            tracing::error!("loud");
        };
        let lines = written(LogFormat::Text, "warn", say);
        assert!(lines.contains("loud") && !lines.contains("quiet"), "{lines}");
        assert!(written(LogFormat::Text, "=nonsense=", say).contains("quiet"));
    }

    #[test]
    fn no_level_silences_alarms() {
        let say = || {
            tracing::error!(alarm.kind = "dead_job", "loud");
            tracing::warn!("quiet");
        };
        for level in ["off", "hyper=debug", "mergewright=off", "mergewright::outbox=debug"] {
            for format in [LogFormat::Text, LogFormat::Json] {
                let lines = written(format, level, say);
                assert!(lines.contains("loud") && !lines.contains("quiet"), "{level}: {lines}");
            }
        }
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost_without_a_word() {
        struct Full;
        impl io::Write for Full {
            fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }

            fn flush(&mut self) -> io::Result<()> {
                Err(io::Error::from(io::ErrorKind::BrokenPipe))
            }
        }
        let mut line = Line { redactor: Redactor::default(), target: Full };
        assert_eq!(io::Write::write(&mut line, b"a line").unwrap(), 6);
        io::Write::flush(&mut line).unwrap();
    }
}
