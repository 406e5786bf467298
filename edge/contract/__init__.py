"""The wire, both directions: topics, records, health, acknowledgements, what is hashed and signed.

Standard library only, so that anyone can take this folder (with `edge/base`) and speak to a hub
or a node. The JSON Schemas and the AsyncAPI document in `config/schema/` are generated from here.
Fields are only ever added; unknown fields are ignored, unknown major versions refused.
"""
