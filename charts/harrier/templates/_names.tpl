{{/*
Names of objects are fixed, not made from the release's: the code looks its Secret, ConfigMap and Lease up by
name, so that a second release in one namespace could not work anyway.
*/}}
{{- define "harrier.labels" -}}
{{ include "harrier.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "harrier.selector" -}}
app.kubernetes.io/name: harrier
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "harrier.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* A comma list, as templates give back text only. */}}
{{- define "harrier.runnerNamespaces" -}}
{{ .Values.runnerNamespaces | default (list .Release.Namespace) | uniq | join "," }}
{{- end }}

{{- define "harrier.apiUrl" -}}
http://harrier-api.{{ .Release.Namespace }}.svc
{{- end }}

{{- define "harrier.issuer" -}}
{{ .Values.issuer | default (include "harrier.apiUrl" .) }}
{{- end }}

{{/* The test pod is none of Harrier's own: no Service or policy of theirs may select it. */}}
{{- define "harrier.testSelector" -}}
app.kubernetes.io/name: harrier-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
