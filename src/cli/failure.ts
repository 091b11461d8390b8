import { isKubeError, type KubeError } from '../kube/errors.ts';

/** The command line is not understood: exit 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for cannot be done; the message says what to do next. Exit 1. */
export class Failed extends Error {
  override readonly name = 'Failed';
}

/** An error as a person reads it: what happened, and what to do about it. */
export function explain(error: unknown): string {
  if (isKubeError(error)) return explainKube(error);
  return error instanceof Error ? error.message : String(error);
}

function explainKube(error: KubeError): string {
  switch (error.kind) {
    case 'transient':
      return `${error.message}\nIs this the right cluster? Name it with --kubeconfig, --context or KUBECONFIG.`;
    case 'unauthorized':
      return `${error.message}\nThe cluster does not accept the credentials of the kubeconfig: renew them.`;
    case 'forbidden':
      return `${error.message}\nSeeing tokens takes the role view in their namespace, changing them the role edit.`;
    case 'notFound':
      return `${error.message}\nDoes the cluster have Harrier? Its chart brings the kinds along.`;
    case 'conflict':
      return `${error.message}\nSomebody else has changed it just now: try again.`;
    default:
      return error.message;
  }
}
