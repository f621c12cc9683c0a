//! The server: connections, and their end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::options::SimulatorOptions;
use super::service::Service;
use super::stamps::RequestStamps;

/// How long requests under way may go on after [`Simulator::stop`].
const GRACE: Duration = Duration::from_secs(1);

/// Requests at a time on one HTTP/2 connection, as servers commonly allow.
const MOST_STREAMS: u32 = 100;

/// How long no connection is accepted after one could not be, for want of descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A running simulated server. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Simulator {
    addr: SocketAddr,
    service: Arc<Service>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Simulator {
    /// Serves on `listener` until stopped. Must be called inside a tokio runtime, which runs the connections;
    /// the engines have threads of their own.
    ///
    /// # Errors
    /// The listener has no local address.
    pub fn start(options: SimulatorOptions, listener: TcpListener) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let service = Arc::new(Service::start(options));
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&service), stopped));
        Ok(Self { addr, service, stop, accepting })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The base URL of its OpenAI interface: `http://ADDRESS/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The server's own stamps of the last requests (as many as
    /// [`SimulatorOptions::kept_stamps`] says), in order of their ends.
    pub fn stamps(&self) -> Vec<RequestStamps> {
        self.service.stamps()
    }

    /// Accepts nothing more, gives the requests under way a second to end, and cuts the rest.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        // The accepting task can only end or have panicked; either way nothing is left to stop.
        let _ = self.accepting.await;
    }
}

async fn accept(listener: TcpListener, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let until_stopped = stopped.clone();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    connections.spawn(serve(socket, Arc::clone(&service), until_stopped.clone()));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = told_to_stop(&mut stopped) => break,
        }
    }
    drop(listener);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(GRACE, all_ended).await.is_err() {
        connections.shutdown().await;
    }
}

/// Waits until the simulator is stopped or dropped.
async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone: a dropped simulator is a stopped one.
    let _ = stopped.wait_for(|stopped| *stopped).await.is_ok();
}

/// Serves one connection; its errors are the client's business.
async fn serve(socket: TcpStream, service: Arc<Service>, mut stopped: watch::Receiver<bool>) {
    // Without it, small writes wait for the client's acknowledgements.
    if socket.set_nodelay(true).is_err() {
        return;
    }
    let (keep_alive, is_http2) = (service.keeps_alive(), service.speaks_http2());
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move { service.answer(request).await }
    });
    let socket = TokioIo::new(socket);
    if is_http2 {
        let mut connection = pin!(
            http2::Builder::new(TokioExecutor::new())
                .max_concurrent_streams(MOST_STREAMS)
                .serve_connection(socket, answer)
        );
        tokio::select! {
            _ = connection.as_mut() => return,
            () = told_to_stop(&mut stopped) => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
        return;
    }
    let mut connection =
        pin!(http1::Builder::new().keep_alive(keep_alive).writev(false).serve_connection(socket, answer));
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told_to_stop(&mut stopped) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
