{{/* What the Pod Security Standard "restricted" asks of a pod, as user 65532 of the image. */}}
{{- define "harrier.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- define "harrier.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end }}

{{/* Where the pods of one part (.part, its values in .own) run. */}}
{{- define "harrier.placement" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .own.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .own.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "harrier.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* Labels and annotations of the pods of one part; the part's own labels win over the user's. */}}
{{- define "harrier.podMetadata" -}}
labels:
  {{- $own := merge (dict "app.kubernetes.io/component" .part) (include "harrier.labels" .root | fromYaml) }}
  {{- toYaml (merge $own .own.podLabels) | nindent 2 }}
{{- with .own.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* Environment that controller and api share. An empty variable counts as absent. */}}
{{- define "harrier.environment" -}}
- name: HARRIER_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
- name: HARRIER_WATCH_NAMESPACES
  value: {{ include "harrier.runnerNamespaces" . | quote }}
- name: HARRIER_ISSUER
  value: {{ include "harrier.issuer" . | quote }}
- name: HARRIER_AUDIENCE
  value: {{ .Values.audience | quote }}
- name: HARRIER_OPS_PORT
  value: "8081"
- name: HARRIER_LOG_LEVEL
  value: {{ .Values.logLevel }}
{{- end }}
