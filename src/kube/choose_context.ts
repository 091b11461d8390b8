import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import { defaultKubeConfig } from './access.ts';

/** A kubeconfig with the context that is meant, and that context's namespace. */
export interface ChosenContext {
  kubeConfig: KubeConfig;
  namespace: string;
}

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
  if (kubeConfig.getCurrentCluster() === null)
    throw new Error('the kubeconfig names no current cluster: choose a context with --context');
  const chosen = kubeConfig.getContextObject(kubeConfig.getCurrentContext());
  return { kubeConfig, namespace: chosen?.namespace || 'default' };
}

function fromFile(file: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(file);
  return kubeConfig;
}
