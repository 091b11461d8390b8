import type { KubeClient } from '../src/kube/types.ts';

/** What the measures are taken on: one control plane with simulated nodes, Harrier's own processes on this machine. */
export interface Lab {
  client: KubeClient;
  kubeconfig: string;
  /** Namespace whose pools the controller serves. */
  namespace: string;
  /** Namespace that nobody serves, for the bare loops. */
  bareNamespace: string;
  controllerPid: number;
  apis: readonly { url: string; pid: number }[];
  /** Built program: `node main <mode>`. */
  main: string;
  scratch: string;
}
