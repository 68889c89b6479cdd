import { LOG_OPTIONS } from "./log_options.ts";
import type { OptionTable, Program } from "./option.ts";
import { STATUS_OPTIONS } from "./status_options.ts";
import * as types from "./value_types.ts";

/** The options of the hub. Names, variables and defaults of the first nine are a compatibility promise. */
export const HUB_OPTIONS = {
  annotationPrefix: {
    flag: "annotation-prefix",
    variable: "ANNOTATION_PREFIX",
    type: types.ANNOTATION_PREFIX,
    default: "wireguard.kube/",
    help: "Prefix of the labels and annotations on Nodes",
  },
  listenPort: {
    flag: "listen-port",
    variable: "WG_LISTEN_PORT",
    type: types.PORT,
    default: "51820",
    help: "UDP port of the WireGuard interface",
  },
  address: {
    flag: "address",
    variable: "WG_ADDRESS",
    type: types.INTERFACE_ADDRESSES,
    default: "100.96.0.1/32",
    help: "Addresses of the interface, IPv4 and IPv6",
  },
  allowedIPs: {
    flag: "allowed-ips",
    variable: "WG_ALLOWED_IPS",
    type: types.CIDRS,
    otherwise: "same as --address",
    help: "What spokes route to this hub, published on its Node",
  },
  nodeName: {
    flag: "node-name",
    variable: "NODE_NAME",
    type: types.NODE_NAME,
    required: "set it from spec.nodeName by the downward API, as deploy/daemonset.yaml does",
    help: "Name of the Node on which this hub runs",
  },
  interface: {
    flag: "interface",
    variable: "WG_INTERFACE",
    type: types.INTERFACE_NAME,
    default: "wg0",
    help: "Name of the WireGuard interface",
  },
  privateKeyFile: {
    flag: "private-key-file",
    variable: "WG_PRIVATE_KEY_FILE",
    type: types.PATH,
    otherwise: "the interface's key, else a new one",
    help: "File of the private key, written (mode 0600) if it is missing",
  },
  endpoint: {
    flag: "endpoint",
    variable: "WG_ENDPOINT",
    type: types.ENDPOINT,
    otherwise: "the Node's ExternalIP and the listen port",
    help: "Where spokes reach this hub, published on its Node",
  },
  kubeconfig: {
    flag: "kubeconfig",
    variable: "KUBECONFIG",
    type: types.PATH,
    otherwise: "in-cluster",
    help: "Credentials for the Kubernetes API",
  },
  peerCidrs: {
    flag: "peer-cidrs",
    variable: "WG_PEER_CIDRS",
    type: types.CIDRS,
    default: "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7",
    help: "Networks inside which peers may claim prefixes",
  },
  podCidrs: {
    flag: "pod-cidrs",
    variable: "WG_POD_CIDRS",
    type: types.CIDRS,
    otherwise: "the own Node's, and where routes lead to a network plugin's device",
    help: "Networks of pods, in which no peer's endpoint may lie; added to those known anyway",
  },
  claimHold: {
    flag: "claim-hold",
    variable: "WG_CLAIM_HOLD",
    type: types.SECONDS_OR_NONE,
    default: "600",
    help: "How long prefixes and key are kept for a Node that has gone; 0 for not at all",
  },
  stateDir: {
    flag: "state-dir",
    variable: "WG_STATE_DIR",
    type: types.PATH,
    default: "/var/lib/wg-kube",
    help: "Folder for what has to outlive the program: who holds which prefix, and a lock",
  },
  adopt: {
    flag: "adopt",
    variable: "WG_ADOPT",
    type: types.BOOLEAN,
    default: "false",
    help: "Take over a WireGuard interface of that name that another program made",
  },
  mtu: {
    flag: "mtu",
    variable: "WG_MTU",
    type: types.MTU,
    otherwise: "the underlay's, 1500 at most, less 80",
    help: "MTU of the interface",
  },
  resyncInterval: {
    flag: "resync-interval",
    variable: "WG_RESYNC_INTERVAL",
    type: types.SECONDS,
    default: "60",
    help: "How often the kernel is read back as a whole",
  },
  nodeCondition: {
    flag: "node-condition",
    variable: "WG_NODE_CONDITION",
    type: types.BOOLEAN,
    default: "false",
    help: "Say on each peer's Node, by the condition WireGuardReady, whether its tunnel is up",
  },
  healthAddress: {
    flag: "health-address",
    variable: "WG_HEALTH_ADDRESS",
    type: types.LISTEN_ADDRESS,
    default: "127.0.0.1:9587",
    help: "Where / (a page for people), /livez and /readyz are served; off for none",
  },
  metricsAddress: {
    flag: "metrics-address",
    variable: "WG_METRICS_ADDRESS",
    type: types.LISTEN_ADDRESS,
    default: "127.0.0.1:9588",
    help: "Where /metrics is served for Prometheus; off for none",
  },
  ...LOG_OPTIONS,
  ...STATUS_OPTIONS,
} as const satisfies OptionTable;

/** The hub, as its help text shows it. */
export const HUB: Program<typeof HUB_OPTIONS, "status" | "doctor" | "down"> = {
  name: "hub",
  summary:
    "Makes this node the WireGuard hub of a Kubernetes cluster: peers are the labelled Nodes.",
  options: HUB_OPTIONS,
  commands: {
    status: "Show the interface, its peers and what is refused; the hub need not run",
    doctor: "Look at all that a hub needs, and say what is wrong and what to type",
    down: "Take away the interface and what the Node says of this hub; the key file stays",
  },
};
