DROP TABLE audit;
DROP TABLE broker_credential;
DROP TABLE refresh_token;
DROP TABLE app_user;
