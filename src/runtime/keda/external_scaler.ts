import { loadPackageDefinition, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';

/** KEDA's `map<string, string>` and numbers as they are read; absent strings are ''. */
export interface ScaledObjectRef {
  name: string;
  namespace: string;
  scalerMetadata: Record<string, string>;
}
export interface IsActiveResponse {
  result: boolean;
}
export interface GetMetricSpecResponse {
  metricSpecs: { metricName: string; targetSize: number; targetSizeFloat: number }[];
}
export interface GetMetricsRequest {
  scaledObjectRef: ScaledObjectRef | null;
  metricName: string;
}
export interface GetMetricsResponse {
  metricValues: { metricName: string; metricValue: number; metricValueFloat: number }[];
}

const field = (type: string, id: number, rule?: 'repeated') => ({ type, id, ...(rule && { rule }) });
const method = (requestType: string, responseType: string, responseStream = false) => ({
  requestType,
  responseType,
  ...(responseStream && { responseStream }),
});

/**
 * The interface that KEDA calls (externalscaler.proto of kedacore/keda, package `externalscaler`), by names, types and
 * field numbers: as an object, so that no file has to be beside the program. StreamMetricSpec is left out; KEDA asks
 * by GetMetricSpec then, as its proto says.
 */
const INTERFACE = {
  nested: {
    externalscaler: {
      nested: {
        ExternalScaler: {
          methods: {
            IsActive: method('ScaledObjectRef', 'IsActiveResponse'),
            StreamIsActive: method('ScaledObjectRef', 'IsActiveResponse', true),
            GetMetricSpec: method('ScaledObjectRef', 'GetMetricSpecResponse'),
            GetMetrics: method('GetMetricsRequest', 'GetMetricsResponse'),
          },
        },
        ScaledObjectRef: {
          fields: {
            name: field('string', 1),
            namespace: field('string', 2),
            scalerMetadata: { keyType: 'string', type: 'string', id: 3 },
          },
        },
        IsActiveResponse: { fields: { result: field('bool', 1) } },
        GetMetricSpecResponse: { fields: { metricSpecs: field('MetricSpec', 1, 'repeated') } },
        MetricSpec: {
          fields: {
            metricName: field('string', 1),
            targetSize: field('int64', 2),
            targetSizeFloat: field('double', 3),
          },
        },
        GetMetricsRequest: {
          fields: { scaledObjectRef: field('ScaledObjectRef', 1), metricName: field('string', 2) },
        },
        GetMetricsResponse: { fields: { metricValues: field('MetricValue', 1, 'repeated') } },
        MetricValue: {
          fields: {
            metricName: field('string', 1),
            metricValue: field('int64', 2),
            metricValueFloat: field('double', 3),
          },
        },
      },
    },
  },
};

/** The service, as a gRPC server takes it. */
export function externalScalerService(): ServiceDefinition {
  // Its declared type asks for comments and rules that the format does not have.
  const json = INTERFACE as unknown as Parameters<typeof fromJSON>[0];
  const definition: PackageDefinition = fromJSON(json, { longs: Number, defaults: true, keepCase: true });
  const { externalscaler } = loadPackageDefinition(definition) as unknown as {
    externalscaler: { ExternalScaler: { service: ServiceDefinition } };
  };
  return externalscaler.ExternalScaler.service;
}
