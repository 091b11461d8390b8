import type { ClusterDriver, ClusterKind } from '../cluster.ts';
import { controlplane } from './controlplane.ts';
import { current } from './current.ts';
import { kind } from './kind.ts';
import { local } from './local.ts';

export const drivers: Record<ClusterKind, ClusterDriver> = { controlplane, local, kind, current };
