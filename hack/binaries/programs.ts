/** Every program that a cluster, or a test against one, is made of. */
export const CLUSTER_PROGRAMS = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
  'kubelet',
  'kube-proxy',
  'coredns',
  'helm',
  'kwok',
  'kind',
] as const;
/** Servers that tests store things in. */
export const STORE_PROGRAMS = ['versitygw'] as const;

/** A real forge and what takes its jobs. */
export const FORGE_PROGRAMS = ['gitea', 'gitea-runner'] as const;

export const PROGRAMS = [...CLUSTER_PROGRAMS, ...STORE_PROGRAMS, ...FORGE_PROGRAMS] as const;
export type ProgramName = (typeof PROGRAMS)[number];

export const CONTROL_PLANE_PROGRAMS: readonly ProgramName[] = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubectl',
];
export const NODE_PROGRAMS: readonly ProgramName[] = ['kubelet', 'kube-proxy', 'coredns'];

export interface Program {
  /** The folder, below this one, of the Go module that pins it. */
  module: '.' | 'tools' | 's3' | 'gitea' | 'gitea_runner';
  /** What `go build` builds, and the module whose version is the program's. */
  goPackage: string;
  goModule: string;
  /** Build tags of Go. */
  tags?: readonly string[];
  /** Needs a C compiler beside Go. */
  cgo?: true;
  release?: Release;
}

/** A release as its project publishes it, with the file that holds its SHA-256. */
export interface Release {
  url: string;
  checksumUrl: string;
  /** The program's path inside the .tar.gz; the download itself is the program where there is none. */
  member?: string;
}

/** Systems of Node by the names that Go and every one of these projects give them. */
export interface Platform {
  os: string;
  arch: string;
}

export function platformOf(nodePlatform: NodeJS.Platform, nodeArch: string): Platform {
  return { os: nodePlatform, arch: nodeArch === 'x64' ? 'amd64' : nodeArch };
}

/** `version` is the one that go.mod pins, with its leading v. */
export function program(name: ProgramName, version: string, platform: Platform): Program {
  const { os, arch } = platform;
  switch (name) {
    case 'etcd': {
      const base = `https://github.com/etcd-io/etcd/releases/download/${version}`;
      const archive = `etcd-${version}-${os}-${arch}`;
      return {
        ...{ module: '.', goPackage: './etcd', goModule: 'go.etcd.io/etcd/server/v3' },
        // For macOS there is only a .zip.
        ...(os === 'linux' && {
          release: {
            url: `${base}/${archive}.tar.gz`,
            checksumUrl: `${base}/SHA256SUMS`,
            member: `${archive}/etcd`,
          },
        }),
      };
    }
    case 'coredns': {
      const url = `https://github.com/coredns/coredns/releases/download/${version}/coredns_${version.slice(1)}_${os}_${arch}.tgz`;
      return {
        ...{ module: '.', goPackage: './coredns', goModule: 'github.com/coredns/coredns' },
        release: { url, checksumUrl: `${url}.sha256`, member: 'coredns' },
      };
    }
    case 'helm': {
      const url = `https://get.helm.sh/helm-${version}-${os}-${arch}.tar.gz`;
      return {
        ...{ module: '.', goPackage: 'helm.sh/helm/v4/cmd/helm', goModule: 'helm.sh/helm/v4' },
        release: { url, checksumUrl: `${url}.sha256sum`, member: `${os}-${arch}/helm` },
      };
    }
    case 'kind': {
      const url = `https://github.com/kubernetes-sigs/kind/releases/download/${version}/kind-${os}-${arch}`;
      return {
        ...{ module: 'tools', goPackage: 'sigs.k8s.io/kind', goModule: 'sigs.k8s.io/kind' },
        release: { url, checksumUrl: `${url}.sha256sum` },
      };
    }
    case 'kwok':
      // Its releases come without checksums: go.sum has one.
      return { module: 'tools', goPackage: 'sigs.k8s.io/kwok/cmd/kwok', goModule: 'sigs.k8s.io/kwok' };
    case 'versitygw':
      return {
        ...{ module: 's3', goPackage: 'github.com/versity/versitygw/cmd/versitygw' },
        goModule: 'github.com/versity/versitygw',
      };
    // Neither is made to be installed as a module: each is built from a copy of its go.mod, which has its replacements.
    case 'gitea': {
      const url = `https://dl.gitea.com/gitea/${version.slice(1)}/gitea-${version.slice(1)}-linux-${arch}`;
      return {
        ...{ module: 'gitea', goPackage: 'code.gitea.io/gitea', goModule: 'code.gitea.io/gitea' },
        ...{ tags: ['sqlite', 'sqlite_unlock_notify'], cgo: true },
        // With its pages' scripts and styles in it, which Go alone cannot make.
        ...(os === 'linux' && { release: { url, checksumUrl: `${url}.sha256` } }),
      };
    }
    case 'gitea-runner':
      return {
        ...{ module: 'gitea_runner', goPackage: 'gitea.com/gitea/runner' },
        goModule: 'gitea.com/gitea/runner',
      };
    default: {
      const url = `https://dl.k8s.io/release/${version}/bin/${os}/${arch}/${name}`;
      return {
        ...{ module: '.', goPackage: `k8s.io/kubernetes/cmd/${name}`, goModule: 'k8s.io/kubernetes' },
        // Servers are published for Linux alone.
        ...((os === 'linux' || name === 'kubectl') && { release: { url, checksumUrl: `${url}.sha256` } }),
      };
    }
  }
}
