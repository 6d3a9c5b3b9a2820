// The states that the page is looked at in, each as a configuration that leads there.

const AWS_METRICS = ["AWS/EC2", "AWS/Lambda", "AWS/SQS", "AWS/ApplicationELB"]
  .map((namespace) => `      - { namespace: ${namespace}, period: 1m }`).join("\n");

const aws = (env, name, more = {}) => `  - name: ${JSON.stringify(name)}
    poll: { every: 1m, settle: 1m, lookback: 2m, initial: ${more.initial ?? "3h"} }
    regions: [${more.regions ?? "eu-west-1, us-east-1"}]
    ${more.budget ? `budget: { usd_per_day: ${more.budget} }` : ""}
    ${more.account_id ? `account_id: "${more.account_id}"` : ""}
    endpoint: ${more.endpoint ?? env.AWS}
    credentials: { static: { access_key_id: ${env.AWS_KEY}, secret_access_key: "${more.secret ?? env.AWS_SECRET}" } }
    metrics:
${more.metrics ?? AWS_METRICS}
`;

const azure = (env, name, secret = env.AZURE_SECRET) => `  - name: ${name}
    poll: { every: 1m, settle: 1m, lookback: 2m, initial: 1h }
    tenant: ${env.AZURE_TENANT}
    cloud: { authority: "${env.AZURE}", resource_manager: "${env.AZURE}", metrics: "${env.AZURE}/{region}", ca_file: "${env.AZURE_CA}" }
    credentials: { client_secret: { client_id: "${env.AZURE_CLIENT}", secret: "${secret}" } }
    metrics:
      - { resource_type: Microsoft.Compute/virtualMachines, period: 1m }
      - { resource_type: Microsoft.Sql/servers/databases }
`;

const gcp = (env, name, projects) => `  - name: ${name}
    poll: { every: 1m, settle: 1m, lookback: 2m, initial: 1h }
    projects: [${projects}]
    endpoint: ${env.GCP}
    credentials: { service_account_file: "${env.GCP_KEY}" }
    metrics:
      - types: ["compute.googleapis.com/*", "pubsub.googleapis.com/*"]
`;

const WORKING = (folder) => `destinations:
  - { name: archive, file: { path: ${folder}/out, format: otlp_json } }
  - { name: scrape, prometheus: {} }
`;

// Port 9 of loopback is `discard`; nothing listens there.
const DOWN = "  - { name: gateway, otlp: { endpoint: \"http://127.0.0.1:9\" } }\n";

/** A name that would be a script if anything forgot to escape it. */
export const HOSTILE = `</script><img src=x onerror="document.title='hacked'">`;

/** All three clouds work. */
export const working = (env) => (folder) =>
  `${WORKING(folder)}aws:\n${aws(env, "prod")}azure:\n${azure(env, "payments")}gcp:\n${gcp(env, "ml", "sim-project, sim-other")}`;

/** A cloud that takes requests and never answers: nothing is known yet. */
export const empty = (env, silent) => (folder) => `${WORKING(folder)}aws:\n${aws(env, "prod", { endpoint: silent })}`;

/** Wrong keys, a forbidden project, an unreachable cloud, a destination that is down, a hostile name. */
export const errors = (env) => (folder) => `${WORKING(folder)}${DOWN}aws:
${aws(env, "prod")}${aws(env, "prod-us", { secret: "not-the-secret" })}${aws(env, HOSTILE, { secret: "not-the-secret" })}${aws(env, "edge", { endpoint: "http://127.0.0.1:9", account_id: "123456789012" })}azure:
${azure(env, "payments", "not-the-secret")}gcp:
${gcp(env, "ml", "sim-project, somebody-elses")}`;

/** A destination that takes nothing and has little room. */
export const full = (env) => () =>
  `destinations:\n  - { name: gateway, otlp: { endpoint: "http://127.0.0.1:9" }, spool_max: 1KiB }\naws:\n${aws(env, "prod")}`;

/** One account's budget pays for a part of its first polls only, another's for no call, a third's for all. */
export const budgets = (env) => (folder) =>
  `${WORKING(folder)}aws:\n${aws(env, "prod", { budget: 0.0003 })}${aws(env, "lab", { budget: 0.0001 })}${aws(env, "shop", { budget: 20 })}`;

/** As many accounts as the largest users have; every tenth has a wrong key. */
export const MANY = 1000;
export const many = (env) => (folder) => {
  const account = (n) => aws(env, `team-${String(n).padStart(4, "0")}`, {
    regions: "eu-west-1",
    initial: "5m",
    account_id: "123456789012",
    secret: n % 10 ? undefined : "not-the-secret",
    metrics: "      - { namespace: AWS/SQS, period: 5m, statistics: [Sum], poll: { every: 10m } }",
  });
  return `${WORKING(folder)}aws:\n${Array.from({ length: MANY }, (_, n) => account(n)).join("")}`;
};
