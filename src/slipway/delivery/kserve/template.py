"""The manifests that a model on KServe starts with, before people make them theirs."""

from __future__ import annotations

from typing import Final

KNATIVE: Final = """\
# What runs of the model {model}. Slipway edits which release that is, its traffic and its replicas; everything else
# may be edited by hand, and stays. To roll back: `slipway history {model}` prints the one command.
# While `{record}` is there, `canaryTrafficPercent` of the traffic goes to the release that is
# written here, and the rest to that one.
"""
STANDARD: Final = """\
# What runs of the model {model}, and the route to it. Slipway edits which release that is, its traffic and its
# replicas; everything else may be edited by hand, and stays. To roll back: `slipway history {model}` prints the one
# command.
apiVersion: v1
kind: List
items:
"""
SERVICE: Final = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/managed-by: slipway
    app.kubernetes.io/part-of: slipway
{labels}\
  annotations:
    serving.kserve.io/deploymentMode: {mode}
    prometheus.io/scrape: "true"
    prometheus.io/port: "6000"
    prometheus.io/path: /metrics
{annotations}\
spec:
  predictor:
    minReplicas: {replicas}
    containers:
      - name: kserve-container
        image: {image}
        ports:
          - name: http1
            containerPort: 9000
            protocol: TCP
{ports}\
        env:
          - name: SELDON_DEPLOYMENT_ID
            value: {name}
          - name: PREDICTOR_ID
            value: default
        resources:
          requests:
            cpu: 100m
            memory: 256Mi
          limits:
            cpu: "1"
            memory: 1Gi
        startupProbe:
          httpGet:
            path: /health/ping
            port: 9000
          periodSeconds: 1
          failureThreshold: 60
        readinessProbe:
          httpGet:
            path: /health/ping
            port: 9000
          periodSeconds: 2
        livenessProbe:
          httpGet:
            path: /health/ping
            port: 9000
          periodSeconds: 10
          timeoutSeconds: 5
        securityContext:
          allowPrivilegeEscalation: false
          capabilities:
            drop:
              - ALL
          readOnlyRootFilesystem: true
          runAsNonRoot: true
          seccompProfile:
            type: RuntimeDefault
        volumeMounts:
          - name: tmp
            mountPath: /tmp
    volumes:
      - name: tmp
        emptyDir: {{}}
"""
"""Restricted as Seldon's is. The server names its metrics after Seldon's variables, which nobody else sets here.

The first port is the one that KServe routes to; Knative takes no second one, and no other name than `http1`.
"""
LOCAL: Final = """\
    networking.kserve.io/visibility: cluster-local
"""
"""KServe makes no way in of its own, which would lead to the default alone."""
METRICS_PORT: Final = """\
          - name: metrics
            containerPort: 6000
            protocol: TCP
"""
LAST: Final = """\
    argocd.argoproj.io/sync-options: PruneLast=true
"""
"""Argo CD takes a canary away only after the route sends nothing to it."""
TAGS: Final = """\
    serving.kserve.io/enable-tag-routing: "true"
"""
"""Gives a canary an address of its own, by which it is verified."""
ROUTE: Final = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {model}-traffic
  labels:
    app.kubernetes.io/name: {name}
    app.kubernetes.io/managed-by: slipway
    app.kubernetes.io/part-of: slipway
  annotations:
    argocd.argoproj.io/sync-wave: "1"
spec:
  parentRefs:
    - group: gateway.networking.k8s.io
      kind: Gateway
      namespace: kserve
      name: kserve-ingress-gateway
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: {path}
      filters:
        - type: URLRewrite
          urlRewrite:
            path:
              type: ReplacePrefixMatch
              replacePrefixMatch: /
      backendRefs:
        - group: ""
          kind: Service
          name: {model}-predictor
          port: 80
          weight: 100
"""
"""KServe's own gateway by its default name, and a path, since nobody but the cluster knows its host names.

The wave lets Argo CD wait for the canary before the route sends to it. What the API server would fill in is written
out: within lists Argo CD would see it as a difference for ever.
"""
