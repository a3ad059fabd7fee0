//! One server on loopback that simulates any number of vendors.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::clock::is_representable;
use crate::error::Error;
use crate::event::Event;
use crate::issuer::{Issuer, OnEvent};
use crate::vendor::PlayedVendor;
use crate::{connection, server};

/// Long enough for a person who types a request by hand.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long `shutdown` waits for requests in progress.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// A server on loopback that simulates vendors, each under its own path prefix.
///
/// The server stops when this is dropped. To wait until it has stopped, call [`shutdown`](Sandbox::shutdown).
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    issuers: Arc<[Issuer]>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// Starts a sandbox with these vendors on a free port.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`SandboxBuilder::start`].
    pub async fn start(vendors: impl IntoIterator<Item = PlayedVendor>) -> Result<Self, Error> {
        Self::builder(vendors).start().await
    }

    /// Returns a builder, to set the address or a callback for events.
    pub fn builder(vendors: impl IntoIterator<Item = PlayedVendor>) -> SandboxBuilder {
        SandboxBuilder {
            vendors: vendors.into_iter().collect(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            on_event: None,
            head_timeout: HEAD_TIMEOUT,
        }
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the control endpoint.
    pub fn control_url(&self) -> String {
        format!("http://{}/{}", self.address, crate::vendor::CONTROL)
    }

    /// Returns the vendors, in the order in which they were added.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// Returns a vendor by name.
    ///
    /// # Errors
    ///
    /// Returns [`Error::UnknownVendor`] if there is no such vendor.
    pub fn issuer(&self, name: &str) -> Result<&Issuer, Error> {
        self.issuers.iter().find(|issuer| issuer.name() == name).ok_or_else(|| Error::UnknownVendor {
            name: name.to_owned(),
            known: self.issuers.iter().map(|issuer| issuer.name().to_owned()).collect(),
        })
    }

    /// Stops listening, and waits for the requests in progress. Delayed requests are reset.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(mut task) = self.task.take()
            && tokio::time::timeout(LAST_REQUESTS, &mut task).await.is_err()
        {
            task.abort();
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

/// Configures a [`Sandbox`]; returned by [`Sandbox::builder`].
pub struct SandboxBuilder {
    vendors: Vec<PlayedVendor>,
    address: SocketAddr,
    on_event: Option<OnEvent>,
    head_timeout: Duration,
}

impl SandboxBuilder {
    /// Sets the port on 127.0.0.1; 0 picks a free one.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Sets the address to listen on. It must be loopback.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Sets how long a connection may take to send the head of a request before it is closed. The default is 30
    /// seconds.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// Sets a callback for events. It is called for each request once its response is ready, while the vendor is
    /// locked, so it should return quickly.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(on_event));
        self
    }

    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Returns [`Error::NotLoopback`] or [`Error::Address`] if the address can't be used, [`Error::DuplicateVendor`] if
    /// two vendors have the same name, [`Error::UnknownCredential`] if [`PlayedVendor::any`] names a credential that
    /// doesn't exist, and [`Error::Lifetime`] if a lifetime is too long.
    pub async fn start(self) -> Result<Sandbox, Error> {
        if !self.address.ip().is_loopback() {
            return Err(Error::NotLoopback(self.address));
        }
        for (index, vendor) in self.vendors.iter().enumerate() {
            if self.vendors[..index].iter().any(|other| other.name == vendor.name) {
                return Err(Error::DuplicateVendor(vendor.name.clone()));
            }
            let is_valid =
                |lifetime: &Duration| vendor.clock.now().checked_add(*lifetime).is_some_and(is_representable);
            if let Some(lifetime) =
                [vendor.lifetime, vendor.refresh_lifetime].into_iter().flatten().find(|l| !is_valid(l))
            {
                return Err(Error::Lifetime(vendor.name.clone(), lifetime));
            }
            let known = vendor.credentials();
            if let Some(name) = vendor.any.iter().find(|name| !known.contains(name)) {
                return Err(Error::UnknownCredential { vendor: vendor.name.clone(), name: name.clone(), known });
            }
        }
        let refused = |error| Error::Address(self.address, error);
        let listener = TcpListener::bind(self.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (stop, stopping) = watch::channel(false);
        let secrets: Arc<[String]> = self.vendors.iter().flat_map(PlayedVendor::secrets).collect();
        let issuers = self.vendors.into_iter().map(|vendor| {
            let url = format!("http://{address}/{}", vendor.name);
            Issuer::new(vendor, url, secrets.clone(), self.on_event.clone(), stopping.clone())
        });
        let issuers: Arc<[Issuer]> = issuers.collect();
        let router = server::router(issuers.clone(), self.on_event);
        let task = tokio::spawn(connection::serve(listener, router, self.head_timeout, stopping));
        Ok(Sandbox { address, issuers, stop, task: Some(task) })
    }
}
