//! A way to the server that can be cut, as networks and failovers cut it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Where a commit meets the cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The server never hears of it.
    Before,
    /// The server commits, and nobody is told.
    After,
}

/// How the way is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    /// Who comes is sent away.
    Closed,
    /// Who comes hears nothing.
    Silent,
}

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    state: Arc<State>,
}

struct State {
    /// Cuts one of so many commits, by turns before and after it; none now.
    every: Mutex<Option<usize>>,
    commits: Mutex<usize>,
    cuts: Mutex<usize>,
    /// For one commit alone, after so many others.
    next: Mutex<Option<(usize, Cut)>>,
    way: watch::Sender<Way>,
}

impl State {
    fn at_commit(&self) -> Option<Cut> {
        let mut commits = self.commits.lock().unwrap();
        *commits += 1;
        let here = *commits;
        let mut next = self.next.lock().unwrap();
        let this = match *next {
            Some((0, cut)) => {
                *next = None;
                Some(cut)
            }
            Some((others, cut)) => {
                *next = Some((others - 1, cut));
                None
            }
            None => None,
        };
        let cut = this.or_else(|| {
            let every = (*self.every.lock().unwrap())?;
            here.is_multiple_of(every).then_some(if (here / every).is_multiple_of(2) {
                Cut::Before
            } else {
                Cut::After
            })
        });
        if cut.is_some() {
            *self.cuts.lock().unwrap() += 1;
        }
        cut
    }
}

impl Proxy {
    pub(super) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            every: Mutex::default(),
            commits: Mutex::default(),
            cuts: Mutex::default(),
            next: Mutex::default(),
            way: watch::Sender::new(Way::Open),
        });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let mut way = state.way.subscribe();
                    let now = *way.borrow_and_update();
                    match now {
                        Way::Closed => {}
                        Way::Open => {
                            let Ok(server) = TcpStream::connect(server).await else { return };
                            let _ended = relay(client, server, &state, &mut way).await;
                        }
                        Way::Silent => {
                            let _held = client;
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Self { address, state }
    }

    /// From now on the way is like this.
    pub(super) fn is(&self, way: Way) {
        self.state.way.send_replace(way);
    }

    /// The next commit meets this.
    pub(super) fn cuts_next(&self, cut: Cut) {
        self.cuts_after(0, cut);
    }

    /// One commit meets this, after so many others.
    pub(super) fn cuts_after(&self, others: usize, cut: Cut) {
        *self.state.next.lock().unwrap() = Some((others, cut));
    }

    /// One of so many commits is cut, by turns before and after it.
    pub(super) fn cuts_every(&self, commits: Option<usize>) {
        *self.state.every.lock().unwrap() = commits;
    }

    /// How many commits were cut.
    pub(super) fn cuts(&self) -> usize {
        *self.state.cuts.lock().unwrap()
    }
}

async fn relay(
    client: TcpStream,
    server: TcpStream,
    state: &State,
    way: &mut watch::Receiver<Way>,
) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut withheld = false;
    loop {
        tokio::select! {
            _changed = way.changed() => {
                if *way.borrow() == Way::Silent {
                    std::future::pending::<()>().await;
                }
                return Ok(());
            }
            read = from_client.read(&mut up) => {
                let bytes = &up[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                if holds(bytes, b"; COMMIT") {
                    match state.at_commit() {
                        Some(Cut::Before) => return Ok(()),
                        Some(Cut::After) => withheld = true,
                        None => {}
                    }
                }
                to_server.write_all(bytes).await?;
            }
            read = from_server.read(&mut down) => {
                let bytes = &down[..read?];
                if bytes.is_empty() || (withheld && holds(bytes, b"COMMIT\0")) {
                    return Ok(());
                }
                if !withheld {
                    to_client.write_all(bytes).await?;
                }
            }
        }
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
