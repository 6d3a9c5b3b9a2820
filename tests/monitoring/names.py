"""Every metric that the alert rules and the dashboard name is one that the daemon has, and every runbook is there."""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\bnephoscope_[a-z0-9_]+\b")


def main():
    documented = set(METRIC.findall((ROOT / "docs/metrics.md").read_text(encoding="utf-8")))
    operations = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    sections = {line.lstrip("# ").strip().lower() for line in operations.splitlines() if line.startswith("#")}
    alerts = (ROOT / "monitoring/alerts.yml").read_text(encoding="utf-8")
    dashboard = (ROOT / "monitoring/grafana.json").read_text(encoding="utf-8")
    json.loads(dashboard)
    wrong = []
    for name, text in (("alerts.yml", alerts), ("grafana.json", dashboard)):
        used = set(METRIC.findall(text))
        wrong += [f"{name}: {metric} is not in docs/metrics.md" for metric in sorted(used - documented)]
        print(f"{name}: {len(used)} metrics")
    runbooks = re.findall(r"runbook: docs/operations\.md#(\S+)", alerts)
    wrong += [f"docs/operations.md has no section {anchor}" for anchor in runbooks if anchor not in sections]
    if len(runbooks) != alerts.count("- alert:"):
        wrong.append("an alert without a runbook")
    for line in wrong:
        print(f"FAIL  {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
