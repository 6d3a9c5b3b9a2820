//! Where credentials come from: the SDK's sources in the SDK's order, each with a reason when it gives nothing; built
//! anew when a source failed, when AWS refused what it gave, and when the shared files were written by another tool.
//!
//! `profile` reads what a profile says, `roles` asks STS, `chain` goes from one source to the next, `files` looks at
//! the shared files. What a source is (SSO, a process, a container, instance metadata) is the SDK's to do.

mod chain;
mod files;
mod profile;
mod roles;

pub(crate) use chain::Tried;
pub(super) use files::Files;
pub(super) use roles::Sts;

use super::identities::Generation;
use crate::config::{AwsCredentials, CredentialSource};
use aws_config::Region;
use aws_config::credential_process::CredentialProcessProvider;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::login::LoginCredentialsProvider;
use aws_config::profile::ProfileSet;
use aws_config::provider_config::ProviderConfig;
use aws_config::sso::SsoCredentialsProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use aws_runtime::env_config::file::EnvConfigFiles;
use aws_types::os_shim_internal::{Env, Fs};
use chain::{Chain, Link};
use profile::{Base, NoRoute, Role, Route};
use roles::{WebIdentity, WithRoles};
use std::path::PathBuf;
use tokio::sync::Mutex;

/// The credentials of one account.
pub(super) struct Sources {
    credentials: AwsCredentials,
    providers: ProviderConfig,
    sts: Sts,
    generation: Generation,
    built: Mutex<Option<(u64, SharedCredentialsProvider)>>,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Sources {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }

    fn fallback_on_interrupt(&self) -> Option<Credentials> {
        let built = self.built.try_lock().ok()?;
        built
            .as_ref()
            .and_then(|(_, source)| source.fallback_on_interrupt())
    }
}

impl Sources {
    pub(super) fn new(
        credentials: AwsCredentials,
        providers: ProviderConfig,
        sts: Sts,
        generation: Generation,
    ) -> Self {
        Self {
            credentials,
            providers,
            sts,
            generation,
            built: Mutex::new(None),
        }
    }

    /// Some of the SDK's sources remember a failure for ever: after one they are built anew.
    async fn credentials(&self) -> provider::Result {
        let source = self.current().await;
        let result = source.provide_credentials().await;
        if result.is_err() {
            self.generation.next();
        }
        result
    }

    async fn current(&self) -> SharedCredentialsProvider {
        let mut built = self.built.lock().await;
        // Taken before anything is read: what changes meanwhile is read again.
        let generation = self.generation.get();
        if let Some((_, source)) = built.as_ref().filter(|(of, _)| *of == generation) {
            return source.clone();
        }
        let source = self.build().await;
        *built = Some((generation, source.clone()));
        source
    }

    async fn build(&self) -> SharedCredentialsProvider {
        let source = match &self.credentials.source {
            CredentialSource::Default => SharedCredentialsProvider::new(self.chain().await),
            CredentialSource::Profile(name) => {
                SharedCredentialsProvider::new(Chain(vec![self.profile(Some(name)).await]))
            }
            CredentialSource::Static {
                access_key_id,
                secret_access_key,
                session_token,
            } => SharedCredentialsProvider::new(Credentials::from_keys(
                access_key_id,
                secret_access_key.to_string(),
                session_token.as_ref().map(|token| token.to_string()),
            )),
        };
        let Some(role) = &self.credentials.assume_role else {
            return source;
        };
        let role = Role {
            arn: role.arn.clone(),
            external_id: role.external_id.clone(),
            session_name: role.session_name.clone(),
            duration: None,
        };
        self.with_roles(source, vec![role])
    }

    /// In the order of AWS's own tools.
    async fn chain(&self) -> Chain {
        let link = |name: &str, source| Link {
            name: name.into(),
            source: Ok(source),
            remedy: None,
        };
        Chain(vec![
            link("environment", environment()),
            self.profile(None).await,
            Link {
                name: "web identity token".into(),
                source: self.web_identity_of_environment(),
                remedy: None,
            },
            link("container", self.container()),
            link("instance metadata", self.instance_metadata()),
        ])
    }

    /// A profile's route; the selected profile when none is named.
    async fn profile(&self, name: Option<&str>) -> Link {
        let set = profiles().await;
        let name = match (name, &set) {
            (Some(name), _) => name.to_owned(),
            (None, Ok(set)) => set.selected_profile().to_owned(),
            (None, Err(_)) => "default".to_owned(),
        };
        let route = set.and_then(|set| profile::route(&set, &name).map_err(said));
        let remedy = route.as_ref().ok().and_then(|route| sign_in(route, &name));
        Link {
            name: format!("profile {name}"),
            source: route.map(|route| self.follow(route)),
            remedy,
        }
    }

    fn follow(&self, route: Route) -> SharedCredentialsProvider {
        let base = match route.base {
            Base::Environment => environment(),
            Base::InstanceMetadata => self.instance_metadata(),
            Base::Container => self.container(),
            Base::Keys(keys) => SharedCredentialsProvider::new(keys),
            Base::WebIdentity { file, role } => self.web_identity(file, role),
            Base::Process(command) => {
                SharedCredentialsProvider::new(CredentialProcessProvider::new(command.0))
            }
            Base::Login(session) => {
                let login = LoginCredentialsProvider::builder(session).configure(&self.providers);
                SharedCredentialsProvider::new(login.build())
            }
            Base::Sso(sso) => {
                let mut builder = SsoCredentialsProvider::builder()
                    .configure(&self.providers)
                    .account_id(sso.account)
                    .role_name(sso.role)
                    .start_url(sso.start_url)
                    .region(Region::new(sso.region));
                builder.set_session_name(sso.session);
                SharedCredentialsProvider::new(builder.build())
            }
        };
        self.with_roles(base, route.roles)
    }

    fn with_roles(&self, source: SharedCredentialsProvider, roles: Vec<Role>) -> SharedCredentialsProvider {
        if roles.is_empty() {
            return source;
        }
        SharedCredentialsProvider::new(WithRoles {
            source,
            roles,
            sts: self.sts.clone(),
        })
    }

    fn web_identity_of_environment(&self) -> Result<SharedCredentialsProvider, CredentialsError> {
        let env = Env::real();
        let get = |name: &str| {
            let value = env.get(name).ok().filter(|value| !value.trim().is_empty());
            value.ok_or_else(|| CredentialsError::not_loaded(format!("{name} is not set")))
        };
        let role = Role {
            arn: get("AWS_ROLE_ARN")?,
            external_id: None,
            session_name: get("AWS_ROLE_SESSION_NAME").ok(),
            duration: None,
        };
        Ok(self.web_identity(get("AWS_WEB_IDENTITY_TOKEN_FILE")?, role))
    }

    fn web_identity(&self, file: String, role: Role) -> SharedCredentialsProvider {
        SharedCredentialsProvider::new(WebIdentity {
            file: PathBuf::from(file),
            role,
            sts: self.sts.clone(),
        })
    }

    fn container(&self) -> SharedCredentialsProvider {
        let source = EcsCredentialsProvider::builder().configure(&self.providers);
        SharedCredentialsProvider::new(source.build())
    }

    fn instance_metadata(&self) -> SharedCredentialsProvider {
        let source = ImdsCredentialsProvider::builder().configure(&self.providers);
        SharedCredentialsProvider::new(source.build())
    }
}

/// What a person's sign-in needs when it has run out.
fn sign_in(route: &Route, name: &str) -> Option<String> {
    match route.base {
        Base::Sso(_) => Some(format!("sign in: `aws sso login --profile {name}`")),
        Base::Login(_) => Some(format!("sign in: `aws login --profile {name}`")),
        Base::Environment
        | Base::InstanceMetadata
        | Base::Container
        | Base::Keys(_)
        | Base::WebIdentity { .. }
        | Base::Process(_) => None,
    }
}

fn environment() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
}

fn said(why: NoRoute) -> CredentialsError {
    match why {
        NoRoute::Nothing(text) => CredentialsError::not_loaded(text),
        NoRoute::Wrong(text) => CredentialsError::invalid_configuration(text),
    }
}

/// The shared files as they are now.
pub(super) async fn profiles() -> Result<ProfileSet, CredentialsError> {
    aws_config::profile::load(&Fs::real(), &Env::real(), &EnvConfigFiles::default(), None)
        .await
        .map_err(|e| {
            let cause = std::error::Error::source(&e)
                .map(|c| format!(": {c}"))
                .unwrap_or_default();
            CredentialsError::invalid_configuration(format!("the shared configuration files: {e}{cause}"))
        })
}
