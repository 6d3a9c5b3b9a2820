//! Resources of one type that are not alike, as real ones are: databases that lack metrics of their neighbours, a `master`
//! with a single one, storage accounts without a file service, machines of a series without disk metrics, and network
//! interfaces of private endpoints, which answer 404 to whoever asks them for metrics.

use super::catalog::{Resource, SUBSCRIPTION_1, add};

const DATABASES: &str = "Microsoft.Sql/servers/databases";
const ACCOUNTS: &str = "Microsoft.Storage/storageAccounts";
const MACHINES: &str = "Microsoft.Compute/virtualMachines";
const INTERFACES: &str = "Microsoft.Network/networkInterfaces";

/// How many of each kind.
const EACH: usize = 6;

/// Adds them to the first subscription.
pub(super) fn add_all(resources: &mut Vec<Resource>) {
    add_like(resources, DATABASES, ("RG-Data", "sql-u/master"), 0, |master| {
        (master.kind, master.sku) = ("v12.0,system", "System");
        master.lacks = &["cpu_percent", "dtu_consumption_percent", "storage", "deadlock"];
    });
    for number in 0..EACH {
        let name = format!("sql-u/orders-{number}");
        add_like(
            resources,
            DATABASES,
            ("RG-Data", &name),
            number,
            |database| match number % 3 {
                0 => (database.kind, database.sku) = ("v12.0,user", "Standard"),
                1 => {
                    (database.kind, database.sku) = ("v12.0,user,vcore", "GP_Gen5");
                    database.lacks = &["dtu_consumption_percent"];
                }
                _ => {
                    (database.kind, database.sku) = ("v12.0,user,datawarehouse", "DataWarehouse");
                    database.lacks = &["deadlock", "storage"];
                }
            },
        );
        let name = format!("simunlike{number}");
        add_like(resources, ACCOUNTS, ("RG-Data", &name), number, |account| {
            (account.kind, account.sku) = if number % 2 == 0 {
                ("StorageV2", "Standard_LRS")
            } else {
                ("BlockBlobStorage", "Premium_LRS")
            };
        });
        for service in services(number) {
            let (kind, name) = (format!("{ACCOUNTS}/{service}"), format!("{name}/default"));
            add(resources, SUBSCRIPTION_1, "RG-Data", &kind, &name, number);
        }
        let name = format!("vm-u{number}");
        add_like(resources, MACHINES, ("RG-Compute", &name), number, |machine| {
            if number % 2 == 1 {
                machine.sku = "Standard_A1_v2";
                machine.lacks = &["Available Memory Bytes", "Data Disk Read Bytes/sec"];
            }
        });
        let name = format!("nic-{number}");
        add_like(resources, INTERFACES, ("RG-Net", &name), number, |interface| {
            interface.measured = number % 2 == 0;
        });
    }
}

/// What accounts of the nth kind have below them.
fn services(number: usize) -> &'static [&'static str] {
    if number.is_multiple_of(2) {
        &["blobServices", "fileServices", "queueServices", "tableServices"]
    } else {
        &["blobServices"]
    }
}

fn add_like(
    resources: &mut Vec<Resource>,
    kind: &str,
    (group, name): (&str, &str),
    index: usize,
    make: impl FnOnce(&mut Resource),
) {
    add(resources, SUBSCRIPTION_1, group, kind, name, index);
    if let Some(resource) = resources.last_mut() {
        make(resource);
    }
}
