"""Chat: incoming webhooks of Slack, Teams, Discord and Mattermost, each in its own format."""
