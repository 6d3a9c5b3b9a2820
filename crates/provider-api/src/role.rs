//! What an API operation is for, whichever cloud has it. Who judges a failure asks for the role, never for a name.

/// The part that an operation has in getting points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It reads points.
    Read,
    /// It lists what there is to read.
    List,
    /// It gets the credentials that all others need.
    Credentials,
    /// It says who we are, which is an attribute; points come without it.
    Identity,
}

impl Role {
    /// The role of an operation by its own name. One that is not known here lists: [`crate::conformance`] sees to it that
    /// every operation that reads is.
    pub fn of(operation: &str) -> Self {
        match operation {
            "GetMetricData" | "metrics:getBatch" | "metrics.list" | "ListTimeSeries" => Self::Read,
            "token" | "AssumeRole" | "AssumeRoleWithWebIdentity" => Self::Credentials,
            "GetCallerIdentity" => Self::Identity,
            _ => Self::List,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_one_part() {
        for (operation, role) in [
            ("GetMetricData", Role::Read),
            ("metrics.list", Role::Read),
            ("ListMetrics", Role::List),
            ("GetResources", Role::List),
            ("ListMetricDescriptors", Role::List),
            ("token", Role::Credentials),
            ("AssumeRole", Role::Credentials),
            ("GetCallerIdentity", Role::Identity),
        ] {
            assert_eq!(Role::of(operation), role, "{operation}");
        }
    }
}
