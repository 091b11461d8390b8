import { GROUP } from '../../resources/group.ts';

/** What somebody may be allowed in a namespace. */
export type Right = 'list-pools' | 'list-runners' | 'read-caches' | 'delete-caches';

interface ResourceAttributes {
  verb: string;
  group: string;
  resource: string;
  subresource?: string;
}

/**
 * What Kubernetes is asked for each right, so that its own roles decide. `runnerpools/caches` is no path of the
 * apiserver: it stands for what the pools' runners saved, as a name that a Role can hold.
 */
export const RIGHTS: Record<Right, ResourceAttributes> = {
  'list-pools': { verb: 'list', group: GROUP, resource: 'runnerpools' },
  'list-runners': { verb: 'list', group: GROUP, resource: 'runnertokens' },
  'read-caches': { verb: 'get', group: GROUP, resource: 'runnerpools', subresource: 'caches' },
  'delete-caches': { verb: 'delete', group: GROUP, resource: 'runnerpools', subresource: 'caches' },
};
