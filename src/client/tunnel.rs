use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::failure::connect_cause;
use super::http1::parse_head;
use super::socket::Line;
use crate::record::{Cause, Failure};
use crate::scenario::Proxy;

/// Bytes of a proxy's answer to CONNECT.
const LONGEST_ANSWER: usize = 16 << 10;

/// Asks a proxy for a tunnel to `target` (`host:port`); afterwards the line is as one to the target itself.
pub(crate) async fn open_tunnel(line: &mut Line, proxy: &Proxy, target: &str) -> Result<(), Failure> {
    let broken = |error: std::io::Error| {
        Failure::new(
            connect_cause(&error),
            format!("the proxy {} gives no tunnel to {target}: {error}", proxy.authority()),
        )
    };
    let authorization = proxy
        .authorization
        .as_ref()
        .map(|value| format!("proxy-authorization: {}\r\n", value.expose()))
        .unwrap_or_default();
    let request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n{authorization}\r\n");
    line.write_all(request.as_bytes()).await.map_err(broken)?;
    line.flush().await.map_err(broken)?;
    // One byte at a time: what stands behind the head is the target's, and is not to be read here.
    let mut held = Vec::new();
    while !held.ends_with(b"\r\n\r\n") {
        held.push(line.read_u8().await.map_err(broken)?);
        if held.len() > LONGEST_ANSWER {
            break;
        }
    }
    match parse_head(&held) {
        Ok(Some((head, _))) if head.status.is_success() => Ok(()),
        Ok(Some((head, _))) => {
            let hint = if head.status.as_u16() == 407 { "; it asks for a user and a password in `proxy`" } else { "" };
            let (proxy, status) = (proxy.authority(), head.status);
            Err(Failure::new(
                Cause::Connect,
                format!("the proxy {proxy} gives no tunnel to {target}: HTTP {status}{hint}"),
            ))
        }
        _ => {
            let message = format!("{} does not answer as an HTTP proxy", proxy.authority());
            Err(Failure::new(Cause::Connect, message))
        }
    }
}
