//! From a cloud's spelling to ours: lower snake case, acronyms kept together.

/// `CPUUtilization` → `cpu_utilization`, `DiskIOPS` → `disk_iops`, `Percentage CPU` → `percentage_cpu`,
/// `HTTPCode_Target_5XX_Count` → `http_code_target_5xx_count`. Whatever is no ASCII letter or digit separates words.
pub fn snake(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len() + 8);
    for (i, &c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|j| chars.get(j)).copied();
        let after = chars.get(i + 1).copied();
        if !c.is_ascii_alphanumeric() {
            separate(&mut out);
            continue;
        }
        if before.is_some_and(|b| starts_word(b, c, after)) {
            separate(&mut out);
        }
        out.push(c.to_ascii_lowercase());
    }
    out.trim_end_matches('_').to_owned()
}

/// A capital starts a word after a small letter, and inside a run of capitals when a small letter follows it.
fn starts_word(before: char, c: char, after: Option<char>) -> bool {
    c.is_ascii_uppercase()
        && (before.is_ascii_lowercase()
            || (before.is_ascii_uppercase() && after.is_some_and(|a| a.is_ascii_lowercase())))
}

fn separate(out: &mut String) {
    if !out.is_empty() && !out.ends_with('_') {
        out.push('_');
    }
}

#[cfg(test)]
mod tests {
    use super::snake;

    #[test]
    fn keeps_acronyms_together() {
        for (given, wanted) in [
            ("CPUUtilization", "cpu_utilization"),
            ("DiskIOPS", "disk_iops"),
            ("Percentage CPU", "percentage_cpu"),
            ("Disk Read Operations/Sec", "disk_read_operations_sec"),
            ("HTTPCode_Target_5XX_Count", "http_code_target_5xx_count"),
            ("EBSReadBytes", "ebs_read_bytes"),
            ("virtualMachines", "virtual_machines"),
            ("p99.9", "p99_9"),
            ("4xxErrors", "4xx_errors"),
            ("ApplicationELB", "application_elb"),
            ("DynamoDB", "dynamo_db"),
            ("  odd -- name ", "odd_name"),
        ] {
            assert_eq!(snake(given), wanted, "{given}");
        }
    }
}
