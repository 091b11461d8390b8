import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { defaultKubeConfig } from './access.ts';

/** A kubeconfig with the context that is meant, and that context's namespace. */
export interface ChosenContext {
  kubeConfig: KubeConfig;
  namespace: string;
}

/** What KubeConfig makes up where it finds nothing; no apiserver has spoken plain HTTP for years. */
const WITHOUT_KUBECONFIG = 'http://localhost:8080';

/**
 * The kubeconfig of a person, as kubectl chooses it: the file named, else KUBECONFIG, ~/.kube/config or the pod's
 * service account; in it the context named, else the current one. Throws an Error that names what is missing.
 */
export function chooseContext({ file, context }: { file?: string; context?: string }): ChosenContext {
  const kubeConfig = file === undefined ? defaultKubeConfig() : fromFile(file);
  if (context !== undefined) {
    if (kubeConfig.getContextObject(context) === null) {
      const names = kubeConfig.getContexts().map(({ name }) => name);
      throw new Error(`the kubeconfig has no context ${context}: it has ${names.join(', ') || 'none'}`);
    }
    kubeConfig.setCurrentContext(context);
  }
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) throw new Error('the kubeconfig names no current cluster: choose a context');
  if (cluster.server === WITHOUT_KUBECONFIG)
    throw new Error('there is no kubeconfig: set KUBECONFIG to one, or put it at ~/.kube/config');
  const chosen = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  return { kubeConfig, namespace: chosen?.namespace || 'default' };
}

function fromFile(file: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  return kubeConfig;
}
