//! The sandbox: one server on loopback with any number of vendors.

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

/// How long the head of a request may take: enough for a person who types it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long requests under way may take when it stops.
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// A server on loopback that plays vendors, each under its name.
///
/// It stops when it is dropped, or, so that one can wait for it, with [`shutdown`](Sandbox::shutdown).
#[derive(Debug)]
pub struct Sandbox {
    address: SocketAddr,
    issuers: Arc<[Issuer]>,
    stop: watch::Sender<bool>,
    task: Option<JoinHandle<()>>,
}

impl Sandbox {
    /// A sandbox that plays these vendors, on any free port.
    ///
    /// # Errors
    ///
    /// As [`SandboxBuilder::start`].
    pub async fn start(vendors: impl IntoIterator<Item = PlayedVendor>) -> Result<Self, Error> {
        Self::builder(vendors).start().await
    }

    /// A sandbox with an address and a log.
    pub fn builder(vendors: impl IntoIterator<Item = PlayedVendor>) -> SandboxBuilder {
        SandboxBuilder {
            vendors: vendors.into_iter().collect(),
            address: (Ipv4Addr::LOCALHOST, 0).into(),
            on_event: None,
            head_timeout: HEAD_TIMEOUT,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the control endpoint.
    pub fn control_url(&self) -> String {
        format!("http://{}/{}", self.address, crate::vendor::CONTROL)
    }

    /// The vendors that it plays, in the order in which they were given.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// A vendor that it plays.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownVendor`].
    pub fn issuer(&self, name: &str) -> Result<&Issuer, Error> {
        self.issuers.iter().find(|issuer| issuer.name() == name).ok_or_else(|| Error::UnknownVendor {
            name: name.to_owned(),
            known: self.issuers.iter().map(|issuer| issuer.name().to_owned()).collect(),
        })
    }

    /// Stops listening, and waits for the requests that are under way. A delayed one is reset.
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

/// Where and how a sandbox runs; [`Sandbox::builder`] makes one.
pub struct SandboxBuilder {
    vendors: Vec<PlayedVendor>,
    address: SocketAddr,
    on_event: Option<OnEvent>,
    head_timeout: Duration,
}

impl SandboxBuilder {
    /// Listens on this port of 127.0.0.1; 0 is any that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.address.set_port(port);
        self
    }

    /// Listens here. Only loopback is taken.
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Closes a connection on which the head of a request does not arrive within this time. 30 seconds unless set.
    pub fn head_timeout(mut self, timeout: Duration) -> Self {
        self.head_timeout = timeout;
        self
    }

    /// Tells of each request when its answer is ready. It is called between requests, so it should be quick.
    pub fn on_event(mut self, on_event: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(on_event));
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoopback`], [`Error::Address`], [`Error::DuplicateVendor`] for two vendors of one name,
    /// [`Error::UnknownCredential`] for a credential that may have any value but isn't there, and [`Error::Lifetime`].
    pub async fn start(self) -> Result<Sandbox, Error> {
        if !self.address.ip().is_loopback() {
            return Err(Error::NotLoopback(self.address));
        }
        for (index, vendor) in self.vendors.iter().enumerate() {
            if self.vendors[..index].iter().any(|other| other.name == vendor.name) {
                return Err(Error::DuplicateVendor(vendor.name.clone()));
            }
            let is_told = |life: &Duration| vendor.clock.now().checked_add(*life).is_some_and(is_representable);
            if let Some(life) = [vendor.lifetime, vendor.refresh_lifetime].into_iter().flatten().find(|l| !is_told(l)) {
                return Err(Error::Lifetime(vendor.name.clone(), life));
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
