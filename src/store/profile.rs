//! A named profile of the shared files of AWS: its keys, and its region. Messages name files, sections and
//! keys, never a value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::secret::Secret;
use crate::error::{Error, Result};

/// What a profile says.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) key_id: Secret,
    pub(super) secret: Secret,
    pub(super) token: Option<Secret>,
    pub(super) region: Option<String>,
}

/// Reads a profile of `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE`, or `~/.aws/…`.
pub(super) fn read(name: &str) -> Result<Profile> {
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let config = file("AWS_CONFIG_FILE", "config")?;
    let text = std::fs::read_to_string(&credentials).map_err(|error| {
        Error::Usage(format!(
            "profile [{name}] is asked for, and {} cannot be read ({error}); write it, or put the credentials into the environment",
            credentials.display()
        ))
    })?;
    let config = std::fs::read_to_string(config).unwrap_or_default();
    of_files(&credentials, &text, &config, name)
}

fn of_files(path: &Path, credentials: &str, config: &str, name: &str) -> Result<Profile> {
    let mut keys = section(credentials, name).ok_or_else(|| {
        Error::Usage(format!(
            "there is no profile [{name}] in {}; add it, or name another as `profile` below `stores` or in AWS_PROFILE",
            path.display()
        ))
    })?;
    let mut take = |key: &str| {
        keys.remove(key).filter(|value| !value.is_empty()).ok_or_else(|| {
            Error::Usage(format!(
                "profile [{name}] of {} has no {key}; profiles with roles or single sign-on are not supported: put the credentials into the environment",
                path.display()
            ))
        })
    };
    let (key_id, secret) = (take("aws_access_key_id")?, take("aws_secret_access_key")?);
    let in_config = match name {
        "default" => section(config, name),
        _ => section(config, &format!("profile {name}")),
    };
    Ok(Profile {
        key_id: Secret::new(key_id),
        secret: Secret::new(secret),
        token: keys.remove("aws_session_token").map(Secret::new),
        region: keys
            .remove("region")
            .or_else(|| in_config?.remove("region")),
    })
}

fn file(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    std::env::home_dir()
        .map(|home| home.join(".aws").join(name))
        .ok_or_else(|| {
            Error::Usage(format!(
                "there is no home folder to look for .aws/{name} in; set {variable}"
            ))
        })
}

/// The keys of a section; `None` if there is none of that name.
fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let mut found = None;
    let mut is_inside = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with(['#', ';']) {
            continue;
        }
        let header = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
            .map(|(header, _)| header.split_whitespace().collect::<Vec<_>>().join(" "));
        match header {
            Some(header) => {
                is_inside = header == name;
                if is_inside {
                    found.get_or_insert_with(BTreeMap::new);
                }
            }
            None => {
                if let (true, Some(keys), Some((key, value))) =
                    (is_inside, found.as_mut(), line.split_once('='))
                {
                    keys.insert(key.trim().to_ascii_lowercase(), value.trim().to_string());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# mine\n[default]\naws_access_key_id=AKIA1\naws_secret_access_key = s3cr3t=\n\n[ reporting ]\nAWS_ACCESS_KEY_ID = AKIA2\naws_secret_access_key = hush\naws_session_token = tok\n[half]\naws_access_key_id = AKIA3\n";

    fn profile(name: &str) -> Result<Profile> {
        let config = "[profile reporting]\nregion = eu-central-1\n[reporting]\nregion = no\n";
        of_files(Path::new("/x/credentials"), CREDENTIALS, config, name)
    }

    #[test]
    fn a_profile_is_read() {
        let found = profile("reporting").unwrap();
        assert_eq!(
            (found.key_id.reveal(), found.secret.reveal()),
            ("AKIA2", "hush")
        );
        assert_eq!(found.token.as_ref().map(Secret::reveal), Some("tok"));
        assert!(!format!("{found:?}").contains("hush"));
        assert_eq!(found.region.as_deref(), Some("eu-central-1"));
        assert_eq!(profile("default").unwrap().secret.reveal(), "s3cr3t=");
    }

    #[test]
    fn what_is_missing_is_told_without_values() {
        for (name, word) in [
            ("nobody", "no profile [nobody]"),
            ("half", "aws_secret_access_key"),
        ] {
            let error = profile(name).err().unwrap();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(word), "{error}");
            assert!(!error.to_string().contains("AKIA"), "{error}");
        }
    }
}
