//! Does a cell's acts to a running deployment, each until it is healed.

use super::{
    cells::{Act, Cell, Link, On},
    deaf,
    deployment::{Deployment, ROLES},
    engines::Instance,
    proxy::{Fault, Proxy},
    run::Plan,
};
use anyhow::{Context as _, Result, bail, ensure};
use parlor_engines::Engines;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tokio::time::sleep;

/// A file system of this size is what `DiskFull` fills.
const DISK_BYTES: u64 = 256 << 20;

/// What gateways may hold for deaf sockets: 40 outboxes of 256 KiB, 20 answers of 48 KiB for each, and three
/// times as much for the load and what an allocator keeps.
const DEAF_MB: u64 = 200;

/// Everything that acts are done to.
pub struct Scene {
    deployment: Deployment,
    proxies: HashMap<Link, Vec<Proxy>>,
    disk: Option<Disk>,
    rounds: usize,
    /// What is to be done while the present act lasts.
    meanwhile: Option<Act>,
}

impl Scene {
    /// Starts what the cell needs: two processes of each role (one on three-node engines, one in all on
    /// embedded ones), and proxies where it cuts.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn build(cell: &Cell, plan: &Plan, instance: Option<Instance>) -> Result<Self> {
        let mut deployment = Deployment::prepare(&plan.binary, instance)?;
        if let Some(sabotage) = plan.sabotage {
            deployment.set("PARLOR_SABOTAGE", sabotage.to_owned());
        }
        let mut proxies: HashMap<Link, Vec<Proxy>> = HashMap::new();
        for (link, setting, scheme) in
            [(Link::Store, "PARLOR__STORE", "cassandra://"), (Link::Live, "PARLOR__LIVE", "redis://")]
        {
            if cell.cuts(link) {
                let url = deployment.setting(setting).context("an engine's URL")?.to_owned();
                let rest = url.strip_prefix(scheme).context("a plain URL")?;
                let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
                let proxy = Proxy::before(host.to_owned()).await?;
                let slash = if path.is_empty() { "" } else { "/" };
                deployment.set(setting, format!("{scheme}{}{slash}{path}", proxy.address));
                proxies.insert(link, vec![proxy]);
            }
        }
        let has_disk = cell.acts.iter().any(|act| matches!(act, Act::DiskFull(_)));
        let disk = has_disk.then(|| Disk::mount(&deployment.data())).transpose()?;
        match (deployment.instance.is_some(), cell.on) {
            (false, _) => drop(deployment.add("")?),
            (true, On::Three) => {
                for role in ROLES {
                    deployment.add(role)?;
                }
            }
            (true, _) => {
                for role in ROLES {
                    deployment.add(role)?;
                    deployment.add(role)?;
                }
            }
        }
        deployment.ready().await?;
        if cell.cuts(Link::Clients) {
            let mut gates = Vec::new();
            for gateway in deployment.gateways() {
                gates.push(Proxy::before(gateway).await?);
            }
            proxies.insert(Link::Clients, gates);
        }
        Ok(Self { deployment, proxies, disk, rounds: 0, meanwhile: None })
    }

    /// Where devices connect to.
    pub fn urls(&self) -> Vec<String> {
        let direct = || self.deployment.gateways();
        let proxied = |proxies: &Vec<Proxy>| proxies.iter().map(|p| p.address.to_string()).collect();
        let addresses = self.proxies.get(&Link::Clients).map_or_else(direct, proxied);
        addresses.into_iter().map(|address| format!("http://{address}")).collect()
    }

    /// The engines, after everything has come to rest.
    ///
    /// # Errors
    /// A group stays behind, or the engines don't open.
    pub async fn engines(&mut self) -> Result<Engines> {
        self.deployment.engines().await
    }

    /// Takes everything away.
    ///
    /// # Errors
    /// An engine does not answer.
    pub fn clear(&mut self) -> Result<()> {
        self.deployment.clear()
    }

    /// One act, from its beginning until everything is as before and ready.
    ///
    /// # Errors
    /// A process or an engine does not come back.
    pub async fn act(&mut self, act: Act) -> Result<()> {
        self.begin(act).await?;
        self.deployment.ready().await
    }

    /// As long as an act lasts.
    async fn lasts(&mut self, time: Duration) -> Result<()> {
        sleep(time / 2).await;
        if let Some(act) = self.meanwhile.take() {
            Box::pin(self.begin(act)).await?;
        }
        sleep(time / 2).await;
        Ok(())
    }

    async fn begin(&mut self, act: Act) -> Result<()> {
        self.rounds += 1;
        match act {
            Act::Kill(role, away) => {
                let number = self.pick(role)?;
                self.deployment.kill(number)?;
                sleep(away).await;
                self.deployment.start(number)?;
            }
            Act::CrashAt(role, point) => self.crash(role, point).await?,
            Act::Freeze(role, lasts) => {
                let number = self.pick(role)?;
                self.deployment.freeze(number, true)?;
                self.lasts(lasts).await?;
                self.deployment.freeze(number, false)?;
            }
            Act::Restart(role) => self.restart(role).await?,
            Act::Join(role) => {
                let number = self.deployment.add(role)?;
                self.deployment.ready().await?;
                self.deployment.stop(number).await?;
                self.deployment.processes.pop();
            }
            Act::KillAll => {
                let all: Vec<usize> = (0..self.deployment.processes.len()).collect();
                for number in &all {
                    self.deployment.kill(*number)?;
                }
                for number in all {
                    self.deployment.start(number)?;
                }
            }
            Act::Engine(how, engine, node, away) => self.engine(engine, how, node, away).await?,
            Act::Flush => self.flush()?,
            Act::Net(link, fault, lasts) => {
                self.proxies(link)?.iter().for_each(|proxy| proxy.set(fault));
                self.lasts(lasts).await?;
                self.proxies(link)?.iter().for_each(|proxy| proxy.set(Fault::None));
            }
            Act::Deaf(count) => {
                let before = self.resident()?;
                let deaf = deaf::ask(&self.urls(), count).await?;
                let grown = self.resident()?.saturating_sub(before) >> 20;
                drop(deaf);
                ensure!(grown <= DEAF_MB, "{count} sockets that read nothing take {grown} MB in gateways");
            }
            Act::During(outer, inner) => {
                self.meanwhile = Some(*inner);
                Box::pin(self.begin(*outer)).await?;
            }
            Act::Reset(link) => self.proxies(link)?.iter().for_each(Proxy::reset_once),
            Act::Clock(role, offset_s) => {
                // For those who are started from now on.
                self.deployment.set("PARLOR__CLOCK_OFFSET_MS", (offset_s * 1_000).to_string());
                self.restart(role).await?;
            }
            Act::DiskFull(lasts) => {
                let disk = self.disk.as_ref().context("a disk of its own")?;
                disk.fill()?;
                sleep(lasts).await;
                disk.empty()?;
                // It refuses while the disk is full, and ends with the reason; both are right.
                let number = self.pick("gateway")?;
                if !self.deployment.runs(number) {
                    self.deployment.start(number)?;
                }
            }
        }
        Ok(())
    }

    async fn crash(&mut self, role: &str, point: &str) -> Result<()> {
        let number = self.pick(role)?;
        self.deployment.kill(number)?;
        // At the first pass, then at later ones. Devices are slow to come to a gateway that was away.
        let at = format!("{point}:{}", self.rounds);
        self.deployment.start_with(number, &[("PARLOR_CRASH_AT", at)])?;
        let reason = || format!("{point} is not passed, or the binary lacks the feature `sabotage`");
        self.deployment.ended(number).await.with_context(reason)?;
        self.deployment.start(number)
    }

    /// Bytes of memory of all gateways.
    fn resident(&self) -> Result<u64> {
        self.deployment.of("gateway").into_iter().map(|number| self.deployment.resident(number)).sum()
    }

    /// The processes with a role take turns.
    fn pick(&self, role: &str) -> Result<usize> {
        let of_role = self.deployment.of(role);
        ensure!(!of_role.is_empty(), "no process has the role {role}");
        Ok(of_role[self.rounds % of_role.len()])
    }

    fn proxies(&self, link: Link) -> Result<&[Proxy]> {
        Ok(self.proxies.get(&link).with_context(|| format!("a proxy at {link:?}"))?)
    }

    async fn restart(&mut self, role: &str) -> Result<()> {
        for number in self.deployment.of(role) {
            self.deployment.stop(number).await?;
            self.deployment.start(number)?;
            self.deployment.ready().await?;
        }
        Ok(())
    }

    fn instance(&self) -> Result<&Instance> {
        self.deployment.instance.as_ref().context("real engines")
    }

    async fn engine(&mut self, engine: &str, how: &str, node: u8, away: Duration) -> Result<()> {
        let node = node.to_string();
        // Single engines have no number.
        let name = if engine == "redis" { vec![engine] } else { vec![engine, &node] };
        self.instance()?.tell(&[&[how], &name[..]].concat())?;
        self.lasts(away).await?;
        self.instance()?.tell(&[&[if how == "freeze" { "thaw" } else { "start" }], &name[..]].concat())?;
        Ok(())
    }

    fn flush(&self) -> Result<()> {
        let instance = self.instance()?.environment()?;
        let url = instance.iter().find(|(name, _)| name == "PARLOR__LIVE").context("a live engine")?;
        let output = Command::new("redis-cli").args(["-u", &url.1, "FLUSHALL"]).output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(said.trim() == "OK", "redis-cli FLUSHALL: {said}");
        Ok(())
    }
}

impl Act {
    fn cuts(&self, link: Link) -> bool {
        match self {
            Self::Net(at, ..) | Self::Reset(at) => *at == link,
            Self::During(outer, inner) => outer.cuts(link) || inner.cuts(link),
            _ => false,
        }
    }
}

impl Cell {
    fn cuts(&self, link: Link) -> bool {
        self.acts.iter().any(|act| act.cuts(link))
    }
}

/// A small file system under the data directory; it needs root.
struct Disk {
    path: PathBuf,
}

impl Disk {
    fn mount(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path)?;
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status()?;
        ensure!(mounted.success(), "a small file system can't be mounted: this cell needs root");
        Ok(Self { path: path.to_owned() })
    }

    fn ballast(&self) -> PathBuf {
        self.path.join("ballast")
    }

    /// Writes until there is no room.
    fn fill(&self) -> Result<()> {
        use std::io::Write as _;
        let mut file = std::fs::File::create(self.ballast())?;
        let block = vec![0; 64 << 10];
        loop {
            match file.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => bail!("the disk can't be filled: {error}"),
            }
        }
    }

    fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.ballast())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the process may still have it open.
        drop(Command::new("umount").arg("-l").arg(&self.path).status());
    }
}
