export const CLUSTER_KINDS = ['controlplane', 'local', 'kind', 'current'] as const;

/**
 * - controlplane: etcd, apiserver, controller-manager and scheduler on 127.0.0.1; no node, so nothing runs.
 * - local: the same with a real node, in a network namespace of its own; needs root on Linux.
 * - kind: a node in Docker, by the kind CLI.
 * - current: whatever kubectl reaches by itself; never made nor removed.
 */
export type ClusterKind = (typeof CLUSTER_KINDS)[number];

export interface Cluster {
  name: string;
  kind: ClusterKind;
  /** Path of a kubeconfig with an admin's rights. */
  kubeconfig: string;
  /** Paths of the two programs, in the pinned versions. */
  kubectl: string;
  helm: string;
  /** Makes the images in a tar, as `docker save` writes it, known to every node. */
  loadImage(tarPath: string): Promise<void>;
  /** Removes the cluster with everything that belongs to it. Does nothing to one of kind `current`. */
  down(): Promise<void>;
}

/** What a kind of cluster has to know how to do; cluster_up.ts decides when. */
export interface ClusterDriver {
  /** Makes it from nothing; answers the path of its kubeconfig. */
  create(place: ClusterPlace): Promise<string>;
  isHealthy(place: ClusterPlace, kubeconfig: string): Promise<boolean>;
  /** False when `up` should make it anew although it is healthy. */
  isWanted?(place: ClusterPlace, kubeconfig: string): Promise<boolean>;
  /** Removes whatever there is of it, from a whole cluster to the remains of a start that was killed. */
  destroy(place: ClusterPlace): Promise<void>;
  loadImage(place: ClusterPlace, tarPath: string): Promise<void>;
}

export interface ClusterPlace {
  name: string;
  /** Its state folder: <state>/harrier/clusters/<name>. */
  folder: string;
  /** The folder with the programs. */
  binaries: string;
  note: (text: string) => void;
}
