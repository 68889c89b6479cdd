import { LOG_OPTIONS } from "./log_options.ts";
import type { OptionTable, Program } from "./option.ts";
import { STATUS_OPTIONS } from "./status_options.ts";
import * as types from "./value_types.ts";

/** The options of the spoke. Names, variables and defaults of the first eleven are a compatibility promise. */
export const SPOKE_OPTIONS = {
  kubeconfig: {
    flag: "kubeconfig",
    variable: "KUBECONFIG",
    type: types.PATH,
    otherwise: "/etc/kubernetes/kubelet.conf; with --member: in-cluster",
    help: "Credentials for the Kubernetes API; waited for until they are there",
  },
  nodeName: {
    flag: "node-name",
    variable: "NODE_NAME",
    type: types.NODE_NAME,
    otherwise: "the host name",
    help: "Name of the Node that this machine is",
  },
  interface: {
    flag: "interface",
    variable: "WG_INTERFACE",
    type: types.INTERFACE_NAME,
    default: "wg0",
    help: "Name of the WireGuard interface",
  },
  address: {
    flag: "address",
    variable: "WG_ADDRESS",
    type: types.INTERFACE_ADDRESSES,
    default: "100.96.0.2/32",
    help: "Addresses of the interface, IPv4 and IPv6; unique among the spokes",
  },
  listenPort: {
    flag: "listen-port",
    variable: "WG_LISTEN_PORT",
    type: types.PORT,
    default: "51820",
    help: "UDP port of the WireGuard interface",
  },
  allowedIPs: {
    flag: "allowed-ips",
    variable: "WG_ALLOWED_IPS",
    type: types.CIDRS,
    otherwise: "same as --address",
    help: "What the hub routes to this spoke, published on its Node",
  },
  hubAllowedIPs: {
    flag: "hub-allowed-ips",
    variable: "HUB_ALLOWED_IPS",
    type: types.CIDRS,
    otherwise: "the hub's annotation",
    help: "What this spoke routes to the hub",
  },
  annotationPrefix: {
    flag: "annotation-prefix",
    variable: "ANNOTATION_PREFIX",
    type: types.ANNOTATION_PREFIX,
    default: "wireguard.kube/",
    help: "Prefix of the labels and annotations on Nodes",
  },
  pollInterval: {
    flag: "poll-interval",
    variable: "POLL_INTERVAL",
    type: types.SECONDS,
    default: "10",
    help: "Longest time between two looks at the interface; the cluster is watched besides",
  },
  daemonize: {
    flag: "daemonize",
    variable: "WG_DAEMONIZE",
    type: types.BOOLEAN,
    default: "false",
    help: "Return as soon as the interface is up, and go on in the background",
  },
  once: {
    flag: "once",
    variable: "WG_ONCE",
    type: types.BOOLEAN,
    default: "false",
    help: "End as soon as the hub answers: status 0, or 1 if it does not in time",
  },
  onceLimit: {
    flag: "once-limit",
    variable: "WG_ONCE_LIMIT",
    type: types.SECONDS,
    default: "120",
    help: "How long --once waits",
  },
  logFile: {
    flag: "log-file",
    variable: "WG_LOG_FILE",
    type: types.PATH,
    default: "/var/log/wg-spoke.log",
    help: "Log of the background process",
  },
  site: {
    flag: "site",
    variable: "WG_SITE",
    type: types.LABEL_VALUE,
    otherwise: "none",
    help: "The site of this machine: spokes of one site tunnel to each other directly",
  },
  vpcIP: {
    flag: "vpc-ip",
    variable: "WG_VPC_IP",
    type: types.ADDRESS,
    otherwise: "that from which it speaks to the API server",
    help: "Address of this machine at which the spokes of its site reach it",
  },
  member: {
    flag: "member",
    variable: "WG_MEMBER",
    type: types.BOOLEAN,
    default: "false",
    help: "This is a node of the cluster on the hub's own network: --tunnel-cidrs go to the hub",
  },
  tunnelCidrs: {
    flag: "tunnel-cidrs",
    variable: "WG_TUNNEL_CIDRS",
    type: types.CIDRS,
    otherwise: "none; a member needs it",
    help: "What a member routes into the tunnel: the tunnel's network, and pods of spokes",
  },
  persistentKeepalive: {
    flag: "persistent-keepalive",
    variable: "WG_PERSISTENT_KEEPALIVE",
    type: types.KEEPALIVE,
    default: "25",
    help: "Seconds between keepalives to the hub; 0 for none",
  },
  mtu: {
    flag: "mtu",
    variable: "WG_MTU",
    type: types.MTU,
    otherwise: "that of the route to the hub, 1500 at most, less 80",
    help: "MTU of the interface",
  },
  privateKeyFile: {
    flag: "private-key-file",
    variable: "WG_PRIVATE_KEY_FILE",
    type: types.PATH,
    default: "/etc/wireguard/private.key",
    help: "File of the private key, written (mode 0600) if it is missing",
  },
  endpoint: {
    flag: "endpoint",
    variable: "WG_ENDPOINT",
    type: types.ENDPOINT,
    otherwise: "learned by the hub",
    help: "Where the hub reaches this spoke, published on its Node",
  },
  hubPublicKey: {
    flag: "hub-public-key",
    variable: "HUB_PUBLIC_KEY",
    type: types.PUBLIC_KEY,
    otherwise: "any labelled hub",
    help: "Take only the hub that has this key",
  },
  adopt: {
    flag: "adopt",
    variable: "WG_ADOPT",
    type: types.BOOLEAN,
    default: "false",
    help: "Take over a WireGuard interface of that name that another program made",
  },
  healthAddress: {
    flag: "health-address",
    variable: "WG_HEALTH_ADDRESS",
    type: types.LISTEN_ADDRESS,
    default: "off",
    help: "Where /livez and /readyz are served, such as 127.0.0.1:9589; off for none",
  },
  metricsAddress: {
    flag: "metrics-address",
    variable: "WG_METRICS_ADDRESS",
    type: types.LISTEN_ADDRESS,
    default: "off",
    help: "Where /metrics is served for Prometheus, such as 127.0.0.1:9588; off for none",
  },
  ...LOG_OPTIONS,
  ...STATUS_OPTIONS,
} as const satisfies OptionTable;

/** The spoke, as its help text shows it. */
export const SPOKE: Program<typeof SPOKE_OPTIONS, "status" | "doctor" | "down"> = {
  name: "spoke",
  summary:
    "Joins this machine to the WireGuard hub of a Kubernetes cluster, before its kubelet starts.",
  options: SPOKE_OPTIONS,
  commands: {
    status: "Show the interface, its peers and the hubs; the spoke need not run",
    doctor: "Look at all that a spoke needs, and say what is wrong and what to type",
    down: "End the spoke that runs, take away interface and registration; the key stays",
  },
};
