-- What services log in as owns its database and may make tenants' roles, and is no superuser.

-- name: services_role
CREATE ROLE {role} LOGIN CREATEROLE PASSWORD {password}

-- name: database
CREATE DATABASE {database} OWNER {role}
