//! Where a request may go: not into our own network, unless that was allowed.
//!
//! Two doors: names are filtered after the lookup, so the address that was checked is the one that is connected to; literal addresses never come to a resolver and are checked
//! in the URL. Whatever stands for another address (v4-mapped, 6to4, NAT64, Teredo) is refused as a whole.
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Why an address was refused, with what to do.
const REFUSED: &str = "is on a private network, which destinations may not be; set C360_ALLOW_PRIVATE_DESTINATIONS=true to allow it";

/// Whether the address is out on the internet, by IANA's registries of special-purpose addresses.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !matches!(
        address.octets(),
        [0 | 10 | 127, ..]
            | [100, 64..=127, ..]
            | [169, 254, ..]
            | [172, 16..=31, ..]
            | [192, 0, 0 | 2, _]
            | [192, 88, 99, _]
            | [192, 168, ..]
            | [198, 18..=19, ..]
            | [198, 51, 100, _]
            | [203, 0, 113, _]
            | [224..=255, ..]
    )
}

/// Only global unicast (2000::/3) is public, but for what in it is special: 2001::/23 (Teredo and others), documentation, 6to4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    match address.segments() {
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x2002, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [0x2000..=0x3fff, ..] => true,
        _ => false,
    }
}

/// Checks a URL whose host is a literal address; names are checked by [`Guard`].
pub(crate) fn check_literal(url: &Url, allow_private: bool) -> Result<(), String> {
    let address = match url.host() {
        Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
        Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
        Some(Host::Domain(_)) => return Ok(()),
        None => return Err("the url names no host".into()),
    };
    if allow_private || is_public(address) { Ok(()) } else { Err(format!("{address} {REFUSED}")) }
}

/// Looks names up with the system's resolver and lets only public addresses through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    pub(crate) allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed = filter(name.as_str(), found, allow_private)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

fn filter(name: &str, found: Vec<SocketAddr>, allow_private: bool) -> Result<Vec<SocketAddr>, String> {
    if found.is_empty() {
        return Err(format!("{name} has no address"));
    }
    let allowed: Vec<SocketAddr> = found.into_iter().filter(|a| allow_private || is_public(a.ip())).collect();
    if allowed.is_empty() { Err(format!("{name} {REFUSED}")) } else { Ok(allowed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_on_the_internet_are_public() {
        let table = [
            ("8.8.8.8", true),
            ("1.1.1.1", true),
            ("172.15.255.255", true),
            ("172.32.0.1", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("192.0.1.1", true),
            ("223.255.255.255", true),
            ("2606:4700:4700::1111", true),
            ("2001:4860:4860::8888", true),
            ("2a00:1450::1", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.127.255.255", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.170", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.19.255.255", false),
            ("198.51.100.7", false),
            ("203.0.113.9", false),
            ("224.0.0.1", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::8.8.8.8", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:8.8.8.8", false),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::8.8.8.8", false),
            ("64:ff9b:1::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:1ff::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("3fff::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd12:3456::1", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ];
        for (text, public) in table {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    #[test]
    fn literal_addresses_are_checked_in_every_spelling() {
        for url in [
            "http://127.0.0.1/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://0177.0.0.1:80/",
            "http://[::1]/",
            "http://[::ffff:169.254.169.254]/",
        ] {
            let url = Url::parse(url).unwrap();
            assert!(check_literal(&url, false).unwrap_err().contains("C360_ALLOW_PRIVATE_DESTINATIONS"), "{url}");
            assert_eq!(check_literal(&url, true), Ok(()), "{url}");
        }
        for url in ["http://8.8.8.8/", "https://example.com/", "http://localhost/"] {
            assert_eq!(check_literal(&Url::parse(url).unwrap(), false), Ok(()), "{url}: a name is left to the resolver");
        }
    }

    #[test]
    fn of_a_names_addresses_only_the_public_ones_are_left() {
        let both: Vec<SocketAddr> = ["8.8.8.8:0", "10.0.0.1:0"].map(|a| a.parse().unwrap()).into();
        assert_eq!(filter("n", both.clone(), false).unwrap(), both[..1]);
        assert_eq!(filter("n", both.clone(), true).unwrap(), both);
        assert!(filter("n", both[1..].into(), false).is_err());
        assert!(filter("n", Vec::new(), true).is_err());
    }
}
