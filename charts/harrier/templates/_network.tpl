{{/* Name resolution, which every pod needs. */}}
{{- define "harrier.dnsEgress" -}}
- ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{- define "harrier.kubernetesEgress" -}}
- ports:
    {{- range .Values.networkPolicy.kubernetesApi.ports }}
    - port: {{ . }}
      protocol: TCP
    {{- end }}
  {{- with .Values.networkPolicy.kubernetesApi.cidrs }}
  to:
    {{- range . }}
    - ipBlock:
        cidr: {{ . }}
    {{- end }}
  {{- end }}
{{- end }}

{{- define "harrier.metricsIngress" -}}
{{- with .Values.networkPolicy.metricsFrom }}
- ports:
    - port: 8081
      protocol: TCP
  from:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end }}
