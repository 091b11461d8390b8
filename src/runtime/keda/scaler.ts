import {
  type ServerUnaryCall,
  type ServerWritableStream,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import type { Informer } from '../../kube/types.ts';
import type { ServedPool } from '../served_pools.ts';
import { demandOf, NoDemand, readTrigger } from './demand.ts';
import type {
  GetMetricSpecResponse,
  GetMetricsRequest,
  GetMetricsResponse,
  IsActiveResponse,
  ScaledObjectRef,
} from './external_scaler.ts';

type Pools = Pick<Informer<ServedPool>, 'store' | 'synced' | 'onChange'>;
type Stream = ServerWritableStream<ScaledObjectRef, IsActiveResponse>;

/** Runners wanted; with a target of one for each runner, what the HPA of KEDA sets is this very number. */
const METRIC = 'harrier-runners';
/** Open streams: KEDA has one for each external-push trigger. */
const MOST_STREAMS = 1_000;

/** What KEDA asks, answered from the watch of the pools: no question goes to the apiserver or to a forge. */
export function createScaler(pools: Pools): UntypedServiceImplementation {
  const streams = new Map<Stream, () => void>();
  pools.onChange(({ object: { metadata } }) => {
    for (const [{ request }, tell] of streams)
      if (request.namespace === metadata.namespace && request.scalerMetadata.pool === metadata.name) tell();
  });

  const demand = (ref: ScaledObjectRef | null): number => {
    if (ref === null) throw new NoDemand(status.INVALID_ARGUMENT, 'scaledObjectRef is missing');
    return demandOf(readTrigger(ref), pools);
  };

  return {
    IsActive: answering<ScaledObjectRef, IsActiveResponse>((ref) => ({ result: demand(ref) > 0 })),

    StreamIsActive(stream: Stream) {
      let last: boolean | undefined;
      const tell = () => {
        try {
          const result = demand(stream.request) > 0;
          if (result !== last) stream.write({ result });
          last = result;
        } catch (error) {
          streams.delete(stream);
          fail(stream, error);
        }
      };
      stream.once('cancelled', () => streams.delete(stream));
      stream.once('close', () => streams.delete(stream));
      if (streams.size >= MOST_STREAMS) {
        fail(stream, new NoDemand(status.RESOURCE_EXHAUSTED, 'too many streams are open'));
        return;
      }
      streams.set(stream, tell);
      tell();
    },

    GetMetricSpec: answering<ScaledObjectRef, GetMetricSpecResponse>((ref) => {
      // Refused now where the figures would be refused, so that the ScaledObject says so from the beginning.
      readTrigger(ref);
      return { metricSpecs: [{ metricName: METRIC, targetSize: 1, targetSizeFloat: 1 }] };
    }),

    GetMetrics: answering<GetMetricsRequest, GetMetricsResponse>(({ scaledObjectRef, metricName }) => {
      if (metricName !== '' && metricName !== METRIC)
        throw new NoDemand(status.INVALID_ARGUMENT, `the only metric is ${METRIC}`);
      const runners = demand(scaledObjectRef);
      return { metricValues: [{ metricName: METRIC, metricValue: runners, metricValueFloat: runners }] };
    }),
  };
}

function answering<Q, A>(answer: (request: Q) => A) {
  return ({ request }: ServerUnaryCall<Q, A>, callback: sendUnaryData<A>) => {
    try {
      callback(null, answer(request));
    } catch (error) {
      callback(asStatus(error));
    }
  };
}

/** Ends the stream with the error's status: so the library has it told, while a destroyed stream would say nothing. */
function fail(stream: Stream, error: unknown): void {
  stream.emit('error', asStatus(error));
}

function asStatus(error: unknown): Error & { code: status; details: string } {
  const known = error instanceof NoDemand ? error : new NoDemand(status.INTERNAL, 'something failed here');
  return Object.assign(new Error(known.message), { code: known.code, details: known.message });
}
